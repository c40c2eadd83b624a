// Package s3fifo is a store in memory with a bound in bytes. It evicts by
// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023).
//
// The store owns keys, sizes, lookup and eviction. It does not know whether an
// entry is fresh; the caller decides that.
//
// # Design notes
//
// The store has up to 64 shards. The simplelru of golang-lru holds the order of
// each queue, by runs of 32 entries. With one list element per entry, a
// collector cycle over a million small entries took five times as long, and an
// entry cost 100 bytes more. The index of a shard is a hash table without
// pointers that is read without locks. It maps hashes to slots; the slots hold
// the pointers to entries in the order of the queue, which is about the order
// of their allocation. With pointers in the table, in the order of hashes, a
// collector cycle took three times as long.
//
// An entry in the small queue moves to the main queue after one use; the paper
// requires two. With two, 40.9 % of the reads of a database trace hit instead
// of 40.2 % (1,000 entries), but under scans 70.7 % instead of 72.0 %.
//
// One pointer in an entry leads to the ID of its key and, through [Group.Of],
// to the caller's data about all entries of that ID. A second pointer would
// increase an entry to 56 bytes, and an entry with a short key from 64 to 80
// bytes. A method of a type parameter instead of [Group] would be an indirect
// call on each hit.
package s3fifo
