/* A sequence of calls recorded once and enqueued again as one. Only where kp_device_info.has_graphs is 1: KP_UNSUPPORTED elsewhere.
 *
 * Between begin and end the kernels and device copies enqueued on the stream are recorded instead of run, with every argument as it is:
 * a launch works on the same addresses, shapes and scalars, and on whatever those addresses then hold. What cannot be recorded is refused
 * with KP_INVALID_ARGUMENT while any stream of the device records: kp_buffer_write, kp_buffer_read, kp_buffer_alloc, kp_linear_create,
 * kp_linear_load, kp_stream_mark, kp_stream_wait, kp_stream_synchronize. */
#ifndef KP_GRAPH_H_
#define KP_GRAPH_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kp_graph kp_graph;

/* KP_INVALID_ARGUMENT: a stream of the device records already. */
KP_API kp_status kp_graph_begin(kp_stream* stream);
/* Ends the recording, whether it succeeds or not. graph null: what was recorded is forgotten. KP_INVALID_ARGUMENT: the stream does not
 * record, or nothing was recorded. */
KP_API kp_status kp_graph_end(kp_stream* stream, kp_graph** graph);
/* Enqueues what was recorded. KP_INVALID_ARGUMENT: the device's own memory has moved since, because a larger linear was created. */
KP_API kp_status kp_graph_launch(kp_stream* stream, kp_graph* graph);
/* Waits until its launches have run; the stream of the last one is still open, and the device records nothing. */
KP_API void kp_graph_destroy(kp_graph* graph);

#ifdef __cplusplus
}
#endif
#endif
