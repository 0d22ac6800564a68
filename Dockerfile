# The server as an image: one self-contained file, its kernels for CPUs and GPUs, the demo model, and of Debian only the libraries these need. No
# shell. A GPU's driver comes from the node; without one the CPU serves.
# Build it with any builder of Dockerfiles; eng/image/build does so with buildah and bases made on the spot.
#
#   SDK_IMAGE     a Debian with the .NET 10 SDK, cmake, g++ and make
#   DEBIAN_IMAGE  a Debian of the same release; its libraries are what the server is linked with
#   RID           linux-x64 or linux-arm64; must be the builder's own architecture, since the kernels are compiled, not cross-compiled
ARG SDK_IMAGE=dotnet-sdk:10.0-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${SDK_IMAGE} AS build
ARG RID=linux-x64
WORKDIR /source
COPY . .
RUN dotnet publish src/Predictor -p:PublishProfile=Image -p:RuntimeIdentifier=${RID} -o /app -v q \
 && mv /app/KServePaged.Predictor /app/kservepaged \
 && eng/image/packages > /packages.tsv

# The kernels for GPUs, by a compiler that this stage fetches (1 GB) unless it is mounted where eng/cuda/toolchain keeps it.
FROM ${SDK_IMAGE} AS cuda
WORKDIR /source
COPY eng/cuda eng/cuda
COPY native native
RUN eng/cuda/build /cuda

# glibc, the C++ runtime, OpenSSL for TLS, and the certificate authorities.
FROM ${DEBIAN_IMAGE} AS root
COPY eng/image/rootfs eng/image/sbom eng/cuda/toolchain /eng/
COPY --from=build /packages.tsv /eng/
RUN /eng/rootfs /rootfs libc6 libgcc-s1 libstdc++6 libssl3 \
 && /eng/sbom /rootfs /eng/packages.tsv "$(sed -n 's/^version=//p' /eng/toolchain)" > /rootfs/sbom.spdx.json

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="KServePaged" \
      org.opencontainers.image.description="LLM serving runtime for KServe: Open Inference Protocol v2 and OpenAI on one port" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="scratch"
COPY --from=root /rootfs /
COPY --from=build /app /app
COPY --from=cuda /cuda/libkpkernels_cuda.so /app/
# Nothing is written but what is under /tmp, where a read-only root needs an emptyDir only if something asks for it; the diagnostics
# port of .NET would. Any other user works as well: no file is owned or looked up by name.
# A first generation of 64 MiB instead of a share of the cache: small requests then cost an eighth less (measured with bench/Overhead over REST).
ENV HOME=/tmp DOTNET_EnableDiagnostics=0 DOTNET_GCgen0size=0x4000000
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/app/kservepaged"]
