#include "kp/graph.h"

#include "abi/backend.h"
#include "common/checks.h"

kp_status kp_graph_begin(kp_stream* stream) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    return kp::backend::BeginGraph(stream);
  });
}

kp_status kp_graph_end(kp_stream* stream, kp_graph** graph) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr, "stream must not be null");
    return kp::backend::EndGraph(stream, graph);
  });
}

kp_status kp_graph_launch(kp_stream* stream, kp_graph* graph) {
  return kp::Guard([&]() -> kp_status {
    KP_REQUIRE(stream != nullptr && graph != nullptr, "stream and graph must not be null");
    return kp::backend::LaunchGraph(stream, *graph);
  });
}

void kp_graph_destroy(kp_graph* graph) {
  if (graph != nullptr) {
    kp::backend::DestroyGraph(graph);
  }
}
