// The gRPC interoperability cases, driven with @grpc/grpc-js: node interop_grpc.mjs HOST:PORT PROTO CASES. Prints "ok NAME" for each that holds.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const [address, proto, casesFile] = process.argv.slice(2);
const { TestService } = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { keepCase: true })).grpc.testing;
const limits = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
const connect = (algorithm) => new TestService(
  address, grpc.credentials.createInsecure(), algorithm === undefined ? limits : { ...limits, 'grpc.default_compression_algorithm': algorithm });
const client = connect();
const gzip = connect(grpc.compressionAlgorithms.gzip);
const deflate = connect(grpc.compressionAlgorithms.deflate);
const noCompress = 2; // a write flag

const payload = (size) => ({ body: Buffer.alloc(size) });
const simple = ({ request }, more) => ({ response_size: request.response_size ?? 0, payload: payload(request.payload_zero_bytes ?? 0), ...more });
const output = (sizes, more) => ({ response_parameters: sizes.map((size) => ({ size })), ...more });

const unary = (from, method, request, metadata = new grpc.Metadata()) => new Promise((resolve, reject) => {
  const answer = {};
  const call = from[method](request, metadata, (error, message) => { answer.error = error; answer.message = message; });
  call.on('metadata', (initial) => { answer.initial = initial; });
  call.on('status', (status) => (answer.error ? reject(answer.error) : resolve({ ...answer, trailing: status.metadata })));
});
const collect = (from, write) => new Promise((resolve, reject) => {
  const call = from.StreamingInputCall((error, message) => (error ? reject(error) : resolve(message)));
  call.on('error', () => {}); // the callback has it
  write(call);
});
const drain = (call) => new Promise((resolve, reject) => {
  const answer = { messages: [] };
  call.on('metadata', (initial) => { answer.initial = initial; });
  call.on('data', (message) => answer.messages.push(message));
  call.on('error', reject);
  call.on('status', ({ code, metadata }) => (code === 0 ? resolve({ ...answer, trailing: metadata }) : undefined));
});
const sizes = ({ messages }) => messages.map((message) => message.payload.body.length);
const fails = (promise, code, details) => assert.rejects(promise, (error) => error.code === code && (details === undefined || error.details === details));
const duplex = (requests, metadata = new grpc.Metadata()) => {
  const call = client.FullDuplexCall(metadata);
  requests.forEach((request) => call.write(request));
  call.end();
  return drain(call);
};

const steps = {
  async empty_unary() {
    assert.deepEqual((await unary(client, 'EmptyCall', {})).message, {});
  },
  async large_unary(one) {
    assert.equal((await unary(client, 'UnaryCall', simple(one))).message.payload.body.length, one.expect.payload_bytes);
  },
  async client_compressed_unary(one) {
    for (const step of one.steps) {
      const call = unary(step.send_compressed ? gzip : client, 'UnaryCall', simple(one, { expect_compressed: { value: step.expect_compressed } }));
      if (step.expect_status) {
        await fails(call, step.expect_status);
      } else {
        assert.equal((await call).message.payload.body.length, step.payload_bytes);
      }
    }
  },
  async server_compressed_unary(one) { // the flag is hidden: that the answer can be read is what this shows
    for (const step of one.steps) {
      const { message } = await unary(client, 'UnaryCall', simple(one, { response_compressed: { value: step.response_compressed } }));
      assert.equal(message.payload.body.length, one.expect.payload_bytes);
    }
  },
  async client_streaming(one) {
    const { aggregated_payload_size } = await collect(client, (call) => {
      one.stream_payload_zero_bytes.forEach((size) => call.write({ payload: payload(size) }));
      call.end();
    });
    assert.equal(aggregated_payload_size, one.expect.aggregated_payload_size);
  },
  async client_compressed_streaming(one) {
    const write = (list) => (call) => {
      list.forEach((step) => call.write(
        { payload: payload(step.payload_zero_bytes), expect_compressed: { value: step.expect_compressed } }, step.send_compressed ? undefined : noCompress));
      call.end();
    };
    await fails(collect(gzip, write([one.probe])), one.probe.expect_status);
    assert.equal((await collect(gzip, write(one.stream))).aggregated_payload_size, one.expect.aggregated_payload_size);
  },
  async server_streaming(one) {
    assert.deepEqual(sizes(await drain(client.StreamingOutputCall(output(one.response_sizes)))), one.expect.payload_bytes_in_order);
  },
  async server_compressed_streaming(one) {
    const request = { response_parameters: one.responses.map(({ size, compressed }) => ({ size, compressed: { value: compressed } })) };
    assert.deepEqual(sizes(await drain(client.StreamingOutputCall(request))), one.expect.payload_bytes_in_order);
  },
  async ping_pong(one) {
    const call = client.FullDuplexCall();
    const ended = new Promise((resolve) => call.on('status', resolve));
    const answers = call[Symbol.asyncIterator]();
    for (const turn of one.turns) {
      call.write(output([turn.response_size], { payload: payload(turn.payload_zero_bytes) }));
      assert.equal((await answers.next()).value.payload.body.length, turn.response_size);
    }
    call.end();
    assert.equal((await answers.next()).done, true);
    assert.equal((await ended).code, one.expect.status);
  },
  async empty_stream(one) {
    assert.equal((await duplex([])).messages.length, one.expect.responses);
  },
  async custom_metadata(one) {
    const value = (name, text) => (name.endsWith('-bin') ? Buffer.from(text.slice(2), 'hex') : text);
    const metadata = new grpc.Metadata();
    Object.entries(one.request_metadata).forEach(([name, text]) => metadata.set(name, value(name, text)));
    for (const call of [await unary(client, 'UnaryCall', { response_size: 1 }, metadata), await duplex([output([1])], metadata)]) {
      Object.entries(one.expect.initial_metadata).forEach(([name, text]) => assert.deepEqual(call.initial.get(name), [value(name, text)]));
      Object.entries(one.expect.trailing_metadata).forEach(([name, text]) => assert.deepEqual(call.trailing.get(name), [value(name, text)]));
    }
  },
  async status_code_and_message(one) {
    const { response_status } = one.request;
    await fails(unary(client, 'UnaryCall', { response_status }), one.expect.status, one.expect.message);
    if (one.rpc.includes('FullDuplexCall')) {
      await fails(duplex([{ response_status }]), one.expect.status, one.expect.message);
    }
  },
  async unimplemented_method(one) {
    const same = (bytes) => bytes;
    await fails(new Promise((resolve, reject) => client.makeUnaryRequest(
      one.path, same, same, Buffer.alloc(0), (error) => (error ? reject(error) : resolve()))), one.expect.status);
  },
  async cancel_after_begin(one) {
    await fails(collect(client, (call) => call.cancel()), one.expect.status);
  },
  async cancel_after_first_response(one) {
    const call = client.FullDuplexCall();
    call.on('data', () => call.cancel());
    const ended = drain(call);
    call.write(output([one.turns[0].response_size], { payload: payload(one.turns[0].payload_zero_bytes) }));
    await fails(ended, one.expect.status);
  },
  async timeout_on_sleeping_server(one) {
    const call = client.FullDuplexCall({ deadline: Date.now() + one.deadline_ms });
    const ended = drain(call);
    call.write(output([], { payload: payload(one.turns[0].payload_zero_bytes) }));
    await fails(ended, one.expect.status);
  },
};
steps.special_status_message = steps.status_code_and_message;
steps.unimplemented_service = steps.unimplemented_method;

for (const one of JSON.parse(readFileSync(casesFile)).cases) {
  await steps[one.name](one);
  console.log(`ok ${one.name}`);
}
for (const [name, from] of Object.entries({ gzip, deflate, identity: client })) {
  const request = { response_size: 20_000_000, payload: payload(20_000_000), expect_compressed: { value: name !== 'identity' } };
  assert.equal((await unary(from, 'UnaryCall', request)).message.payload.body.length, 20_000_000);
  console.log(`ok 20 MB ${name}`);
}
process.exit(0); // node keeps a session open whose stream was cancelled before it was sent
