/* Choosing the next token from logits: penalties, filters, noise and log-probabilities in one pass over each row. */
#ifndef KP_SAMPLING_H_
#define KP_SAMPLING_H_

#include "kp/kp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parameters of one row. The order of the steps is: log-probabilities of the raw logits set aside; mask; bias; repetition,
 * frequency and presence penalties; greedy choice when temperature is 0; temperature; min-p; top-k; top-p; draw. */
typedef struct kp_sampling_row {
  float temperature;        /* 0 = greedy: top_k, top_p, min_p are then ignored */
  float top_p;              /* (0, 1]; 1 = off */
  float min_p;              /* [0, 1]; 0 = off */
  float repetition_penalty; /* > 0; 1 = off */
  float presence_penalty;   /* 0 = off */
  float frequency_penalty;  /* 0 = off */
  int32_t top_k;            /* 0 = off; ties with the k-th largest stay */
  int32_t history_start;    /* history[history_start … history_start + history_count): ids seen, see below */
  int32_t history_count;
  int32_t bias_start; /* bias_ids / bias_values range */
  int32_t bias_count;
  int32_t banned_start; /* banned_ids range: logits set to -inf (stop ids before min_tokens) */
  int32_t banned_count;
  int32_t top_logprobs; /* alternatives wanted, 0 … max_top_logprobs; < 0: no log-probabilities for this row */
  int32_t given_token;  /* >= 0: nothing is drawn, this id is reported with its log-probability (a prompt being scored);
                           -1: draw */
  int32_t reserved;     /* 0; keeps seed aligned */
  uint64_t seed;        /* key of the counter-based generator */
  uint64_t position;    /* its counter: index of the token within the sequence's output */
} kp_sampling_row;

typedef struct kp_sampling_args {
  const float* logits; /* [rows, vocabulary] f32, row stride logits_stride; not changed */
  int64_t logits_stride;
  int64_t vocabulary;
  const kp_sampling_row* row;           /* [rows] */
  const int32_t* history;               /* token ids that the penalties count, each once per row, ascending by id within the row */
  const int32_t* history_output_counts; /* beside history: occurrences in the output (0: seen in the prompt only) */
  const int32_t* bias_ids;              /* ascending within a row, each once */
  const float* bias_values;
  const int32_t* banned_ids;
  int32_t* token;      /* out [rows] the chosen id */
  float* logprob;      /* out [rows] log-softmax of the raw logits at token */
  int32_t* rank;       /* out [rows] ids whose raw log-probability is >= that of token */
  int32_t* top_ids;    /* out [rows, max_top_logprobs] by falling raw log-probability, ties by rising id */
  float* top_logprobs; /* out, beside top_ids */
  void* workspace;     /* kp_sample_workspace bytes */
  int64_t workspace_bytes;
  int64_t rows;
  int32_t max_top_logprobs;
  int32_t reserved; /* 0 */
} kp_sampling_args;

KP_API int64_t kp_sample_workspace(kp_device* device, int64_t rows, int64_t vocabulary);
/* The draw is the id with the largest weight / e, weight = softmax(logits / temperature) and e its own Exponential(1) noise (that is
 * Gumbel noise on the logits); the lowest id where two are equal. e = -log((w + 1/2) / 2^32), w being word (id / 16) % 4 of Philox4x32-10
 * with key = seed (low, high) and counter = (id / 64 * 16 + id % 16, 0, position low, position high): a row's draw depends on nothing else.
 * top-p keeps the heaviest ids up to and including the one with which their share reaches top_p; of equal ones at the cut the lowest.
 * A row with a NaN or +infinity, or with no finite logit left, gets token = -1; the other rows are not affected. Rows without
 * log-probabilities get logprob 0 and rank 0; places of top_ids that are not asked for or not filled hold -1 and -infinity. */
KP_API kp_status kp_sample(kp_stream* stream, const kp_sampling_args* args);

#ifdef __cplusplus
}
#endif
#endif
