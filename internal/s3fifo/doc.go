// Package s3fifo is a store in memory, bounded in bytes by S3-FIFO (Yang et
// al., "FIFO queues are all you need for cache eviction", SOSP 2023).
//
// The store owns keys, bytes, lookup and eviction. It knows nothing of
// freshness: the caller decides whether an entry may still be used.
//
// # Design notes
//
// The store has up to 64 shards. golang-lru's simplelru owns the order of each
// queue, by runs of 32 entries: with an element for each entry, the collector's
// cycle with a million small entries took five times as long, and an entry cost
// 100 bytes more. A shard's index is a hash table without pointers that is read
// without locks: it has the numbers of slots, and pointers to entries lie in the
// slots in the order of the queue, which is about the order in which the entries
// were allocated. With the pointers in the table, in the order of hashes, a
// cycle took three times as long.
//
// An entry of the small queue needs one use to stay, where the paper has two:
// with two, 40.9 % of the reads of a database's trace hit instead of 40.2 %
// (1,000 entries), and under scans 70.7 % instead of 72.0 %.
//
// An entry leads to its key's ID, and over [Group.Of] to what the caller knows
// of all entries of that ID, by one pointer. A second pointer in the entry would
// make it 56 bytes, and one with a short key 80 in place of 64. A method of a
// type parameter in place of [Group] would be an indirect call on each hit.
package s3fifo
