"""The chat template that is written into tokenizer_config.json."""

CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
    {%- set role = 'system' if message['role'] == 'developer' else message['role'] -%}
    {%- if role not in ['system', 'user', 'assistant'] -%}
        {{- raise_exception("This model knows the roles system, developer, user and assistant, not '" + role + "'.") -}}
    {%- endif -%}
    {{- '<|' + role + '|>' + message['content'] | trim + '<|end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|assistant|>' -}}
{%- endif -%}
"""
