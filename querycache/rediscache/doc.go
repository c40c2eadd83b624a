// Package rediscache keeps the results of a [querycache.Cache] in Redis, Redis
// Cluster or Valkey, where all processes with the same prefix share them.
//
// # What is stored
//
// A result is stored under <Prefix>e:<key> and expires with its TTL. The
// version of each table or statement is stored under <Prefix>v:<name>. No other
// keys are read or written. Redis may evict any of these keys at any time: a
// result without its versions is invalid, and a lost version is replaced by a
// random one that has never been there. The policy allkeys-lru fits; with
// noeviction, a full Redis rejects raises, and the Cache stops using the Tier.
// Versions expire a week after the last raise, which costs one miss for each
// result that depends on them.
//
// # What a Tier promises
//
// Get reads from primaries only, and returns versions that are at least as
// recent as each Raise that has ended. This ends where Redis's own promise
// ends: its replication is asynchronous, so a failover may lose the last
// raises. The Tier reports each new connection to Redis as a possible loss, and
// the Cache raises again what its process has raised. Until then, other
// processes may read results from before the lost raise, at most until their
// TTL. The same holds for a Redis that restarts from an older snapshot.
//
// A call returns when its context ends, whatever state Redis is in. What it has
// already sent may still take effect. No call is retried; that is up to the
// Cache.
//
// # Raises of other processes
//
// A [Tier] receives the raises of other processes within about one round trip,
// by client-side caching (CLIENT TRACKING in broadcasting mode, since Redis
// 6.0). It needs RESP3, which some proxies lack: see [NewUntracked]. A
// half-open connection, as after a power failure, is given up after two to three
// seconds.
//
// # Permissions
//
// For a user with the least permissions, use
//
//	ACL SETUSER headrace on >password resetkeys ~headrace:* resetchannels -@all +get +set +pttl +ping +hello +auth +select +client
//
// and for a cluster also +cluster|slots +cluster|shards +asking.
package rediscache
