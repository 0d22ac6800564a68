// Every rpc of the server, called with @grpc/grpc-js: node oip_grpc.mjs HOST:PORT MODEL PROTOS. Prints "ok NAME" for each that holds.
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const [address, model, protos] = process.argv.slice(2);
const load = (file) => grpc.loadPackageDefinition(protoLoader.loadSync(`${protos}/${file}`, { keepCase: true, defaults: true, enums: String }));
const connect = (Service, more) => new Service(address, grpc.credentials.createInsecure(), more);
const { GRPCInferenceService } = load('open_inference.proto').inference;
const client = connect(GRPCInferenceService);
const others = ['deflate', 'gzip'].map((name) => connect(GRPCInferenceService, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms[name] }));

const call = (from, method, request) => new Promise((resolve, reject) => {
  from[method](request, (error, message) => (error ? reject(error) : resolve(message)));
});
const refused = (promise, ...codes) => assert.rejects(promise, (error) => codes.includes(error.code));
const text = (prompt, more) => ({
  model_name: model,
  id: '7',
  inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from(prompt)] } }],
  parameters: { max_tokens: { int64_param: 8 }, temperature: { int64_param: 0 }, ignore_eos: { bool_param: true }, ...more },
});
const textOf = ({ outputs }) => outputs.find(({ name }) => name === 'text_output').contents.bytes_contents[0].toString();
const { NOT_FOUND, OUT_OF_RANGE } = grpc.status;

const steps = {
  async ServerLive() {
    assert.equal((await call(client, 'ServerLive', {})).live, true);
  },
  async ServerReady() {
    assert.equal((await call(client, 'ServerReady', {})).ready, true);
  },
  async ModelReady() {
    assert.equal((await call(client, 'ModelReady', { name: model })).ready, true);
  },
  async ServerMetadata() {
    assert.ok((await call(client, 'ServerMetadata', {})).extensions.includes('model_configuration'));
  },
  async ModelMetadata() {
    assert.ok((await call(client, 'ModelMetadata', { name: model })).inputs.some(({ name }) => name === 'text_input'));
  },
  async ModelConfig() {
    assert.equal((await call(client, 'ModelConfig', { name: model })).config.name, model);
  },
  async ModelInfer() {
    const whole = await call(client, 'ModelInfer', text('Hello'));
    assert.equal(whole.id, '7');
    for (const other of others) {
      assert.equal(textOf(await call(other, 'ModelInfer', text('Hello'))), textOf(whole));
    }
    await refused(call(client, 'ModelInfer', text('x'.repeat(20_000_000))), OUT_OF_RANGE); // arrives whole, then is longer than the context
    await refused(call(client, 'ModelInfer', { model_name: 'none' }), NOT_FOUND);
  },
  async ModelStreamInfer() {
    const whole = textOf(await call(client, 'ModelInfer', text('Hello')));
    const stream = client.ModelStreamInfer();
    const ended = new Promise((resolve) => stream.on('status', resolve));
    const answers = stream[Symbol.asyncIterator]();
    stream.write(text('Hello', { stream: { bool_param: true } }));
    const pieces = [];
    for (let final = false; !final;) {
      const { value } = await answers.next();
      assert.equal(value.error_message, '');
      pieces.push(textOf(value.infer_response));
      final = value.infer_response.parameters.triton_final_response.bool_param;
    }
    assert.equal(pieces.join(''), whole);
    stream.write({ ...text('Hello'), model_name: 'none' });
    assert.match((await answers.next()).value.error_message, /none/);
    stream.end();
    assert.equal((await answers.next()).done, true);
    assert.equal((await ended).code, grpc.status.OK);
  },
  async RepositoryIndex() {
    assert.equal((await call(client, 'RepositoryIndex', {})).models.find(({ name }) => name === model).state, 'READY');
  },
  async RepositoryModelLoad() {
    await refused(call(client, 'RepositoryModelLoad', { model_name: 'none' }), NOT_FOUND);
  },
  async RepositoryModelUnload() {
    await refused(call(client, 'RepositoryModelUnload', { model_name: 'none' }), NOT_FOUND);
  },
  async ModelStatistics() {
    assert.ok(Number((await call(client, 'ModelStatistics', { name: model })).model_stats[0].inference_count) > 0);
  },
  async TraceSetting() {
    assert.ok('trace_level' in (await call(client, 'TraceSetting', {})).settings);
  },
  async LogSettings() {
    assert.ok('log_info' in (await call(client, 'LogSettings', {})).settings);
  },
};
assert.deepEqual(Object.keys(steps).sort(), Object.keys(GRPCInferenceService.service).sort()); // every rpc there is

steps.Check = async () => {
  const health = connect(load('health.proto').grpc.health.v1.Health);
  others.push(health);
  assert.equal((await call(health, 'Check', {})).status, 'SERVING');
  const watch = health.Watch({ service: model });
  watch.on('error', () => {}); // the cancellation
  assert.equal((await watch[Symbol.asyncIterator]().next()).value.status, 'SERVING');
  watch.cancel();
};
steps.ServerReflectionInfo = async () => {
  const reflection = connect(load('reflection.proto').grpc.reflection.v1.ServerReflection);
  others.push(reflection);
  const stream = reflection.ServerReflectionInfo();
  stream.write({ list_services: '' });
  const { value } = await stream[Symbol.asyncIterator]().next();
  assert.ok(value.list_services_response.service.some(({ name }) => name === 'inference.GRPCInferenceService'));
  stream.end();
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(`ok ${name}`);
}
[client, ...others].forEach((one) => one.close());
