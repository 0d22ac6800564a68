/* Device memory. A buffer is one allocation, 64-byte aligned (CPU: backed by 2 MiB pages where the system grants them,
 * zeroed, and not touched before its first use). */
#ifndef KP_MEMORY_H_
#define KP_MEMORY_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* KP_OUT_OF_MEMORY when the device cannot give bytes (> 0). *address is the device address of byte 0. */
KP_API kp_status kp_buffer_alloc(kp_device* device, int64_t bytes, void** address);
/* address null: nothing happens. The device must be idle. */
KP_API void kp_buffer_free(kp_device* device, void* address);
/* Has the system give [address, address + bytes) of a buffer now instead of at its first use; contents stay as they are. On the CPU any
 * thread may call it, while others use the buffer, and works at the lowest priority from then on; elsewhere memory is given when it is
 * allocated, and nothing happens. bytes = 0 is fine. */
KP_API kp_status kp_buffer_touch(kp_device* device, void* address, int64_t bytes);
/* Host to device, device to host, device to device. Host memory may be reused as soon as the call returns for write;
 * for read only after kp_stream_synchronize, or after kp_stream_wait for a later mark. Ranges of copy must not overlap. bytes = 0 is fine. */
KP_API kp_status kp_buffer_write(kp_stream* stream, void* destination, const void* host, int64_t bytes);
KP_API kp_status kp_buffer_read(kp_stream* stream, const void* source, void* host, int64_t bytes);
KP_API kp_status kp_buffer_copy(kp_stream* stream, void* destination, const void* source, int64_t bytes);

#ifdef __cplusplus
}
#endif
#endif
