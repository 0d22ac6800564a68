{{- define "kservepaged.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "kservepaged.labels" -}}
app.kubernetes.io/name: kservepaged
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "kservepaged.isvc" -}}
{{ default .Release.Name .Values.inferenceService.name }}
{{- end -}}

{{- define "kservepaged.selector" -}}
component: predictor
serving.kserve.io/inferenceservice: {{ include "kservepaged.isvc" . }}
{{- end -}}

{{- define "kservepaged.serviceAccount" -}}
{{- if .Values.inferenceService.serviceAccount.create -}}
{{ default (include "kservepaged.isvc" .) .Values.inferenceService.serviceAccount.name }}
{{- else -}}
{{ .Values.inferenceService.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "kservepaged.apiKeySecret" -}}
{{- if .Values.inferenceService.apiKey.value -}}
{{ include "kservepaged.isvc" . }}-api-key
{{- else -}}
{{ .Values.inferenceService.apiKey.secretName }}
{{- end -}}
{{- end -}}

{{- define "kservepaged.securityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "kservepaged.args" -}}
{{- with .maxModelLen }}
- --max_model_len={{ . }}
{{- end }}
{{- with .dtype }}
- --dtype={{ . }}
{{- end }}
{{- if not (kindIs "invalid" .seed) }}
- --seed={{ int64 .seed }}
{{- end }}
{{- with .chatTemplate }}
- --chat_template={{ . }}
{{- end }}
{{- with .maxNumSeqs }}
- --max_num_seqs={{ int64 . }}
{{- end }}
{{- with .maxNumBatchedTokens }}
- --max_num_batched_tokens={{ int64 . }}
{{- end }}
{{- with .maxQueuedRequests }}
- --max_queued_requests={{ int64 . }}
{{- end }}
{{- with .blockSize }}
- --block_size={{ int64 . }}
{{- end }}
{{- if kindIs "bool" .enablePrefixCaching }}
- --enable_prefix_caching={{ .enablePrefixCaching }}
{{- end }}
{{- with .kvCacheDtype }}
- --kv_cache_dtype={{ . }}
{{- end }}
{{- with .kvCacheMemory }}
- --kv_cache_memory={{ . }}
{{- end }}
{{- with .memoryFraction }}
- --memory_fraction={{ . }}
{{- end }}
{{- with .device }}
- --device={{ . }}
{{- end }}
{{- if not (kindIs "invalid" .threads) }}
- --threads={{ int64 .threads }}
{{- end }}
{{- with .maxBodySize }}
- --max_body_size={{ . }}
{{- end }}
{{- if not (kindIs "invalid" .shutdownDelay) }}
- --shutdown_delay={{ int64 .shutdownDelay }}
{{- end }}
{{- if not (kindIs "invalid" .shutdownTimeout) }}
- --shutdown_timeout={{ int64 .shutdownTimeout }}
{{- end }}
{{- with .logLevel }}
- --log_level={{ . }}
{{- end }}
{{- end -}}
