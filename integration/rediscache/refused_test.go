//go:build unix

package rediscache_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/querycache/rediscache"
)

// New fails where waiting does not help, with the server's reason and advice.
func TestRefused(t *testing.T) {
	t.Parallel()
	open := redisserver.New(t, nil)
	secret := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"requirepass": "secret"}})
	old := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"rename-command": `HELLO ""`}})
	host, port, _ := strings.Cut(open.Addr(), ":")
	replica := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"replicaof": host + " " + port}})
	users := redisserver.New(t, &redisserver.Options{ACL: []string{
		"user default on nopass ~* &* +@all",
		"user keys on >p resetkeys ~other:* &* +@all",
		"user reader on >p ~* &* +@all -set",
		"user deaf on >p ~* &* +@all -client|tracking",
		"user versions on >p resetkeys ~headrace:v:* +@all",
	}})
	lists := redisserver.New(t, nil)
	do(t, lists, "RPUSH", "headrace:v:headrace probe", "x")
	do(t, lists, "RPUSH", "headrace:v:a", "x")

	for name, test := range map[string]struct {
		server  *redisserver.Server
		change  func(*rediscache.Options)
		want    []string // in the error
		wantErr error
		local   bool // found without the server
	}{
		"no password":      {server: secret, want: []string{"NOAUTH", "set Username and Password"}},
		"wrong password":   {server: secret, change: func(o *rediscache.Options) { o.Client.Password = "x" }, want: []string{"WRONGPASS", "check Username"}},
		"unknown user":     {server: users, change: user("nobody"), want: []string{"WRONGPASS"}},
		"other keys":       {server: users, change: user("keys"), want: []string{"NOPERM", `prefix "headrace:"`, "ACL SETUSER"}},
		"versions only":    {server: users, change: user("versions"), want: []string{"NOPERM", "ACL SETUSER"}},
		"read only":        {server: users, change: user("reader"), want: []string{"NOPERM", "ACL SETUSER"}},
		"no tracking":      {server: users, change: user("deaf"), want: []string{"NOPERM", "ACL SETUSER"}, wantErr: rueidis.ErrNoCache},
		"no RESP3":         {server: old, want: []string{"NewUntracked"}, wantErr: rueidis.ErrNoCache},
		"replica":          {server: replica, want: []string{"READONLY", "connect to the primary"}},
		"no such database": {server: open, change: func(o *rediscache.Options) { o.Client.SelectDB = 99 }, want: []string{"DB index", "check SelectDB"}},

		"no address":            {server: open, local: true, change: func(o *rediscache.Options) { o.Client.InitAddress = nil }, want: []string{"InitAddress"}},
		"replicas":              {server: open, local: true, change: func(o *rediscache.Options) { o.Client.ReplicaOnly = true }, want: []string{"ReplicaOnly"}},
		"reads from replicas":   {server: open, local: true, change: sendToReplicas, want: []string{"SendToReplicas"}},
		"RESP2":                 {server: open, local: true, change: func(o *rediscache.Options) { o.Client.AlwaysRESP2 = true }, want: []string{"AlwaysRESP2", "NewUntracked"}},
		"no pipelines":          {server: open, local: true, change: func(o *rediscache.Options) { o.Client.DisableAutoPipelining = true }, want: []string{"DisableAutoPipelining"}},
		"tracking of its own":   {server: open, local: true, change: func(o *rediscache.Options) { o.Client.ClientTrackingOptions = []string{"OPTIN"} }, want: []string{"BCAST"}},
		"prefix with a space":   {server: open, local: true, change: func(o *rediscache.Options) { o.Prefix = "a b" }, want: []string{`"a b"`}},
		"prefix with a newline": {server: open, local: true, change: func(o *rediscache.Options) { o.Prefix = "a\n" }, want: []string{`"a\n"`}},
		"prefix of odd bytes":   {server: open, local: true, change: func(o *rediscache.Options) { o.Prefix = "\xff" }, want: []string{"UTF-8"}},
		"long prefix":           {server: open, local: true, change: func(o *rediscache.Options) { o.Prefix = strings.Repeat("x", 129) }, want: []string{"128"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			opts := options(test.server.Addr())
			if test.change != nil {
				test.change(&opts)
			}
			tier, err := rediscache.New(t.Context(), opts)
			if err == nil {
				tier.Close()
				t.Fatal("no error")
			}
			t.Log(err)
			if !strings.HasPrefix(err.Error(), "rediscache: ") || strings.Contains(err.Error()[1:], "rediscache: ") {
				t.Errorf("error %q, want the package once", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to have %q", err, want)
				}
			}
			if !test.local && !strings.Contains(err.Error(), test.server.Addr()) {
				t.Errorf("error %q, want it to have the address", err)
			}
			if test.wantErr != nil && !errors.Is(err, test.wantErr) {
				t.Errorf("error %v, want one that is %v", err, test.wantErr)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line", err)
			}
			if redisErr := (*rueidis.RedisError)(nil); !test.local && test.wantErr == nil && !errors.As(err, &redisErr) {
				t.Errorf("error %v, want one of Redis", err)
			}
		})
	}
}

func user(name string) func(*rediscache.Options) {
	return func(o *rediscache.Options) { o.Client.Username, o.Client.Password = name, "p" }
}

func sendToReplicas(o *rediscache.Options) {
	o.Client.SendToReplicas = func(rueidis.Completed) bool { return true }
}

// The user that the documentation shows may do what a Tier does.
func TestLeastPermissions(t *testing.T) {
	t.Parallel()
	acl := []string{"user default on nopass ~* &* +@all",
		"user headrace on >p resetkeys ~headrace:* resetchannels -@all +get +set +pttl +ping +hello +auth +select +client"}
	server := redisserver.New(t, &redisserver.Options{ACL: acl})
	opts := options(server.Addr())
	user("headrace")(&opts)
	opts.Client.SelectDB = 3
	tier := open(t, opts)
	must(t, tier.Set(t.Context(), "key", []byte("value"), time.Hour))
	must(t, tier.Raise(t.Context(), []string{"a"}))
	get(t, tier, "key", "a", "b")

	acl[1] += " +cluster|slots +cluster|shards +asking"
	cluster := redisserver.NewCluster(t, &redisserver.ClusterOptions{Options: redisserver.Options{ACL: acl}})
	opts = options(cluster.Addrs()...)
	user("headrace")(&opts)
	get(t, open(t, opts), "key", "a", "b", "c", "d")
}

// A full Redis that evicts nothing is no reason not to start; calls say it.
func TestFull(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"maxmemory": "1", "maxmemory-policy": "noeviction"}})
	tier := open(t, options(server.Addr()))
	for activity, err := range map[string]error{
		"set":   tier.Set(t.Context(), "key", []byte("value"), time.Hour),
		"raise": tier.Raise(t.Context(), []string{"a"}),
		"probe": tier.Raise(t.Context(), nil),
		"get":   errorOf(tier.Get(t.Context(), "key", []string{"a"})),
	} {
		if redisErr := (*rueidis.RedisError)(nil); !errors.As(err, &redisErr) || !strings.Contains(err.Error(), "maxmemory-policy") {
			t.Errorf("%s: error %v, want that of Redis with advice", activity, err)
		}
	}
	do(t, server, "CONFIG", "SET", "maxmemory", "0")
	get(t, tier, "key", "a")
}

func errorOf[T any](_ T, err error) error { return err }

// A Redis that evicts loses versions, never brings old ones back.
func TestEviction(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"maxmemory": "4mb", "maxmemory-policy": "allkeys-lru"}})
	tier := open(t, options(server.Addr()))
	seen := map[uint64]bool{}
	last := get(t, tier, "key", "a").Versions[0]
	for i := range 500 {
		must(t, tier.Set(t.Context(), strings.Repeat("k", i%100), make([]byte, 50_000), time.Hour))
		v := get(t, tier, "key", "a").Versions[0]
		if v != last && seen[v] {
			t.Fatalf("version %x came back", v)
		}
		seen[last], last = true, v
	}
	if n := do(t, server, "DBSIZE"); len(n) > 2 {
		t.Errorf("%s keys: nothing was evicted", n)
	}
}

// Keys of another program below the prefix.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	tier := open(t, options(server.Addr()))
	do(t, server, "RPUSH", "headrace:v:list", "x")
	do(t, server, "RPUSH", "headrace:e:list", "x")
	for _, get := range [][]string{{"key", "list"}, {"list", "a"}} {
		_, err := tier.Get(t.Context(), get[0], get[1:])
		if redisErr := (*rueidis.RedisError)(nil); !errors.As(err, &redisErr) || !strings.Contains(err.Error(), "choose another") ||
			!strings.Contains(err.Error(), `:list"`) {
			t.Errorf("error %v, want the key and advice", err)
		}
	}
	// What is no version is none, and a value without end was not stored by a Tier.
	for _, text := range []string{"", "0", "0000000000000000", "1", "00000000000000001", "000000000000000G", "000000000000000A", "+000000000000001", "0x00000000000001"} {
		do(t, server, "SET", "headrace:v:damaged", text)
		v := get(t, tier, "key", "damaged", "damaged").Versions
		if v[0] == 0 || v[0] == 1 || v[0] == 10 || v[0] != v[1] || get(t, tier, "key", "damaged").Versions[0] != v[0] {
			t.Errorf("%q: versions %x", text, v)
		}
	}
	do(t, server, "SET", "headrace:e:endless", "x")
	if v := get(t, tier, "endless").Value; v != nil {
		t.Errorf("got %q, a value without TTL", v)
	}
}

// Values over a limit of the server fail, and nothing else does.
func TestTooBig(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"proto-max-bulk-len": "1mb"}})
	tier := open(t, options(server.Addr()))
	must(t, tier.Set(t.Context(), "key", bytes.Repeat([]byte("x"), 1<<20), time.Hour))
	err := tier.Set(t.Context(), "key", make([]byte, 2<<20), time.Hour)
	t.Log(err)
	if err == nil {
		t.Error("no error of a value over proto-max-bulk-len")
	}
	eventually(t, "the tier goes on", func() bool { return tier.Raise(t.Context(), nil) == nil })
	if v := get(t, tier, "key", "a").Value; len(v) != 1<<20 {
		t.Errorf("got %d bytes, want the value before", len(v))
	}
	if err := tier.Set(context.Background(), "key", make([]byte, 512<<20+1), time.Hour); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("error %v of a value over 512 MB", err)
	}
}
