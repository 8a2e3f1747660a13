// SPDX-License-Identifier: Apache-2.0
//
// The three kinds of transfer.
#pragma once

#include <memory>

#include "http/origin.h"
#include "http/origin_facts.h"
#include "http/transfer.h"

namespace lazymirror {

[[nodiscard]] std::unique_ptr<Transfer> make_list_transfer(ListRequest request,
                                                           std::size_t max_bytes,
                                                           Completion<ListingReply> done);
[[nodiscard]] std::unique_ptr<Transfer> make_probe_transfer(const Url& url,
                                                            Completion<ProbeReply> done);
// `facts` outlives the transfer.
[[nodiscard]] std::unique_ptr<Transfer> make_read_transfer(RangeRequest request,
                                                           std::shared_ptr<RangeSink> sink,
                                                           OriginFacts& facts);

}  // namespace lazymirror
