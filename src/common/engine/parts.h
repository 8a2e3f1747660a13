// SPDX-License-Identifier: Apache-2.0
//
// What the engine's parts work with, put together once in engine.cpp. All of it
// outlives the parts' threads; the order of the end is written there.
#pragma once

#include "base/timer_queue.h"
#include "base/worker_pool.h"
#include "engine/changes.h"
#include "engine/storage_keeper.h"
#include "engine/tree_urls.h"
#include "engine/ttls.h"
#include "engine/uplink.h"

namespace lazymirror {

struct Parts {
  const EngineOptions& options;  // but for the times in it
  const Ttls& ttls;
  const Clock& clock;
  Cache& cache;
  TimerQueue& timers;
  WorkerPool& pool;
  TransferQueue& queue;
  Uplink& uplink;
  const TreeUrls& urls;
  Changes& changes;
  StorageKeeper& storage;
};

}  // namespace lazymirror
