// SPDX-License-Identifier: Apache-2.0
//
// What jobs ask of the catalog: whole directories, a page at a time.
#include "cache/catalog_impl.h"
#include "cache/chunk_map.h"

namespace lazymirror {
namespace {

// The files of a directory beside their maps. What a power loss has left to be
// checked is no promise: a file with an older epoch does not count as complete.
// Renamed, so that the names of an entry's columns stay its own.
#define LAZYMIRROR_FILES_WITH_MAPS                                              \
  " FROM entry INDEXED BY entry_by_parent LEFT JOIN"                            \
  " (SELECT id AS map_id, generation AS map_generation, chunk_size, epoch, map" \
  "  FROM chunks) c ON map_id = entry.id AND map_generation = entry.generation" \
  " WHERE parent = ? AND kind != 1 AND entry.id > ? ORDER BY entry.id"

struct MapRow {
  std::uint64_t size = 0;
  std::uint64_t present = 0;  // bytes
  bool complete = false;
};

MapRow read_map(const Query& row, int size, std::uint64_t epoch) {
  MapRow found{row.number(size), 0, row.number(size) == 0};
  if (row.is_null(size + 1)) return found;
  const auto map = ChunkMap::parse(found.size, static_cast<std::uint32_t>(row.integer(size + 1)),
                                   row.blob(size + 3));
  if (!map) return found;
  found.present = map->present_bytes();
  found.complete = map->is_complete() && row.number(size + 2) == epoch;
  return found;
}

constexpr int kEntryColumns = 11;

// Those whose map `chosen` is true of; what is not known to be a file is none.
template <typename Chosen>
Result<std::vector<Entry>> files_after(Database& db, EntryId directory, EntryId after,
                                       std::size_t limit, std::uint64_t epoch, Chosen chosen) {
  auto q = db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS
                    ", size, chunk_size, epoch, map" LAZYMIRROR_FILES_WITH_MAPS);
  q.bind(directory).bind(after);
  std::vector<Entry> files;
  while (files.size() < limit) {
    const auto row = q.step();
    if (!row) return fail(row.error());
    if (!*row) break;
    if (q.is_null(kEntryColumns) || static_cast<EntryKind>(q.integer(4)) != EntryKind::file) {
      continue;
    }
    if (chosen(read_map(q, kEntryColumns, epoch))) files.push_back(read_entry(q));
  }
  return files;
}

}  // namespace

Result<std::vector<EntryId>> Catalog::directories_after(EntryId directory, EntryId after,
                                                        std::size_t limit) const {
  return impl_->read([&](Database& db) -> Result<std::vector<EntryId>> {
    auto q = db.query(
        "SELECT id FROM entry WHERE parent = ? AND kind = 1 AND id > ? ORDER BY id LIMIT ?");
    q.bind(directory).bind(after).bind(std::uint64_t{limit});
    std::vector<EntryId> ids;
    for (;;) {
      const auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return ids;
      ids.push_back(q.number(0));
    }
  });
}

Result<Catalog::FileTotals> Catalog::file_totals(EntryId directory) const {
  return impl_->read([&](Database& db) -> Result<FileTotals> {
    auto q = db.query("SELECT size, chunk_size, epoch, map" LAZYMIRROR_FILES_WITH_MAPS);
    q.bind(directory).bind(EntryId{0});
    FileTotals totals;
    for (;;) {
      const auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return totals;
      if (q.is_null(0)) {
        ++totals.unsized;
        continue;
      }
      const MapRow file = read_map(q, 0, epoch());
      ++totals.files;
      totals.bytes += file.size;
      totals.complete += file.complete ? 1 : 0;
      totals.complete_bytes += file.complete ? file.size : 0;
      totals.cached += file.present > 0 ? 1 : 0;
      totals.cached_bytes += file.present;
    }
  });
}

Result<std::vector<Entry>> Catalog::incomplete_after(EntryId directory, EntryId after,
                                                     std::size_t limit) const {
  return impl_->read([&](Database& db) {
    return files_after(db, directory, after, limit, epoch(),
                       [](const MapRow& map) { return !map.complete; });
  });
}

Result<std::vector<Entry>> Catalog::cached_after(EntryId directory, EntryId after,
                                                 std::size_t limit) const {
  return impl_->read([&](Database& db) {
    return files_after(db, directory, after, limit, epoch(),
                       [](const MapRow& map) { return map.present > 0; });
  });
}

}  // namespace lazymirror
