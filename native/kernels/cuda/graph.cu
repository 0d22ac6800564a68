#include <memory>

#include "abi/backend.h"
#include "cuda/device.h"

/* Kernels find their scratch memory where it was when they were recorded. */
struct kp_graph {
  cudaGraphExec_t cuda;
  const void* scratch;
  cudaStream_t launched_on;
};

namespace kp::backend {
namespace {

kp_status Instantiate(kp_stream* stream, cudaGraph_t recorded, kp_graph** graph) {
  size_t nodes = 0;
  kp_device& device = *stream->device;
  kp_status status = device.Check(cudaGraphGetNodes(recorded, nullptr, &nodes), "cudaGraphGetNodes");
  if (status != KP_OK) {
    return status;
  }
  KP_REQUIRE(nodes > 0, "nothing was recorded");
  auto made = std::make_unique<kp_graph>(kp_graph{nullptr, device.scratch(), nullptr});
  status = device.Check(cudaGraphInstantiate(&made->cuda, recorded, 0), "cudaGraphInstantiate");
  if (status == KP_OK) {
    status = device.Check(cudaGraphUpload(made->cuda, stream->cuda), "cudaGraphUpload");  // else the first launch would do it
    if (status != KP_OK) {
      cudaGraphExecDestroy(made->cuda);
    }
  }
  if (status == KP_OK) {
    *graph = made.release();
  }
  return status;
}

}  // namespace

kp_status BeginGraph(kp_stream* stream) {
  kp_device& device = *stream->device;
  KP_REQUIRE(device.recording == nullptr, "a stream of the device records already");
  kp_status status = device.Select();
  if (status == KP_OK) {
    // Other threads, with devices of their own, go on allocating meanwhile.
    status = device.Check(cudaStreamBeginCapture(stream->cuda, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  if (status == KP_OK) {
    device.recording = stream;
  }
  return status;
}

kp_status EndGraph(kp_stream* stream, kp_graph** graph) {
  kp_device& device = *stream->device;
  KP_REQUIRE(device.recording == stream, "the stream does not record");
  device.recording = nullptr;
  cudaGraph_t recorded = nullptr;
  kp_status status = device.Check(cudaStreamEndCapture(stream->cuda, &recorded), "cudaStreamEndCapture");
  if (graph == nullptr) {
    status = status == KP_DEVICE_ERROR ? status : KP_OK;  // what was wrong with it does not matter any more
  } else if (status == KP_OK) {
    status = Instantiate(stream, recorded, graph);
  }
  if (recorded != nullptr) {
    cudaGraphDestroy(recorded);
  }
  return status;
}

kp_status LaunchGraph(kp_stream* stream, kp_graph& graph) {
  kp_device& device = *stream->device;
  KP_REQUIRE(graph.scratch == device.scratch(), "the graph was recorded before a larger linear was created");
  kp_status status = device.RefuseInGraph("a graph");
  if (status == KP_OK) {
    status = device.Select();
  }
  graph.launched_on = stream->cuda;
  return status == KP_OK ? device.Check(cudaGraphLaunch(graph.cuda, stream->cuda), "cudaGraphLaunch") : status;
}

void DestroyGraph(kp_graph* graph) {
  if (graph->launched_on != nullptr) {
    cudaStreamSynchronize(graph->launched_on);
  }
  cudaGraphExecDestroy(graph->cuda);
  delete graph;
}

}  // namespace kp::backend
