// Drives a server with OpenAI's own client: node openai.mjs BASE_URL MODEL. Exits with 0 when every step holds.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0 });
const messages = [{ role: 'user', content: 'Tell me a story about a cat.' }];
const call = { model, messages, max_tokens: 8, temperature: 0 };

const steps = {
  async 'models list and retrieve'() {
    const ids = (await client.models.list()).data.map((entry) => entry.id);
    assert.ok(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async 'chat'() {
    const answer = await client.chat.completions.create(call);
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.ok(answer.choices[0].message.content.length > 0);
    assert.equal(answer.choices[0].finish_reason, 'length');
    assert.equal(answer.usage.completion_tokens, 8);
  },
  async 'streamed chat equals the whole one'() {
    const whole = await client.chat.completions.create(call);
    let text = '';
    let usage;
    for await (const chunk of await client.chat.completions.create({ ...call, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta?.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(usage.total_tokens, whole.usage.total_tokens);
  },
  async 'stream helper accumulates'() {
    const stream = client.chat.completions.stream(call);
    const answer = await stream.finalChatCompletion();
    assert.equal(answer.choices[0].finish_reason, 'length');
    assert.ok(answer.choices[0].message.content.length > 0);
  },
  async 'logprobs'() {
    const answer = await client.chat.completions.create({ ...call, logprobs: true, top_logprobs: 3 });
    const tokens = answer.choices[0].logprobs.content;
    assert.equal(tokens.length, 8);
    assert.equal(tokens[0].top_logprobs.length, 3);
    assert.equal(tokens[0].top_logprobs[0].token, tokens[0].token);
    assert.deepEqual(Buffer.from(tokens[0].bytes).toString(), tokens[0].token);
  },
  async 'n'() {
    const answer = await client.chat.completions.create({ ...call, n: 3, temperature: 1, seed: 7 });
    assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1, 2]);
    const again = await client.chat.completions.create({ ...call, n: 3, temperature: 1, seed: 7 });
    assert.deepEqual(again.choices.map((choice) => choice.message.content), answer.choices.map((choice) => choice.message.content));
  },
  async 'stop'() {
    const whole = (await client.chat.completions.create(call)).choices[0].message.content;
    const stop = whole.slice(3, 5);
    const answer = await client.chat.completions.create({ ...call, stop: [stop] });
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.choices[0].message.content, whole.slice(0, whole.indexOf(stop)));
  },
  async 'completions with echo'() {
    const answer = await client.completions.create({ model, prompt: ['Once upon a time', 'Lily'], max_tokens: 4, temperature: 0, echo: true });
    assert.ok(answer.choices[0].text.startsWith('Once upon a time'));
    assert.ok(answer.choices[1].text.startsWith('Lily'));
  },
  async 'errors are typed'() {
    await assert.rejects(client.chat.completions.create({ ...call, model: 'no-such-model' }), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.match(error.message, /no-such-model/);
      return true;
    });
    await assert.rejects(client.chat.completions.create({ ...call, temperature: 9, stream: true }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, 'temperature');
      return true;
    });
  },
  async 'an aborted stream leaves the server well'() {
    const stream = await client.chat.completions.create({ ...call, max_tokens: 300, stream: true });
    for await (const _ of stream) {
      stream.controller.abort();
    }
    assert.equal((await client.chat.completions.create(call)).choices.length, 1);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(`ok ${name}`);
}
