package querycache

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// Why the results of a handle are not stored in tiers.
var (
	errMemoryOnly = errors.New("Policy.MemoryOnly")
	errStandby    = errors.New("the handle leads to a standby, which may be behind the versions of the tables")
	errUnobserved = errors.New("the handle has adopted its pool, and does not observe its sessions")
	errHooks      = errors.New("a hook of the pool has changed its sessions in a way that the settings do not show")
	errChanged    = errors.New("the session of the connection had been changed")
)

// tierRead returns the use of the tiers by a load that runs sql, or nil if it
// must not use them.
func (h *ReadThrough) tierRead(ctx context.Context, f *flight, sql string, args []any) *tierRead {
	d, r := f.dependencies, f.record
	if len(h.cache.tiers) == 0 || d == nil || d.refusal != none || len(d.tierNames) == 0 || !r.fresh(f.stamp) {
		return nil
	}
	scope, ok := f.scope()
	if !ok || h.cache.passOver(d.tierNames) {
		return nil
	}
	session, err := h.source.sessionKey(ctx, scope)
	if err != nil {
		return nil
	}
	key, ok := argkey.Append(nil, args)
	if ok {
		key, ok = argkey.AppendPortable(key, args)
	}
	if !ok {
		return nil
	}
	at := d.examined.changelog.database
	return &tierRead{
		cache: h.cache, flight: f, dependencies: d, names: d.tierNames, digest: d.digest,
		key: tierKey("rows", at.Life(), session, d.columns, r.name, sql, scope, string(key)),
	}
}

// namesInTiers returns the names of the versions that results of the record
// depend on in tiers, or why results are not stored there.
func (r *record) namesInTiers(log *changelog, reads []dependency, known bool) ([]string, error) {
	switch at := log.database; {
	case len(log.cache.tiers) == 0:
		return nil, nil
	case r.policy.MemoryOnly:
		return nil, errMemoryOnly
	case !r.source.handle.Observed:
		return nil, errUnobserved
	case at.Server() == "":
		return nil, errElsewhere
	case at.Standby():
		return nil, errStandby
	}
	return append(log.namesInTiers(reads, known), r.tierName), nil
}

// scope returns the scope in the key of a flight. It reports false if the cache
// has scopes and the key has none.
func (f *flight) scope() (string, bool) {
	if f.record.source == nil || f.record.source.cache.opts.Scope == nil {
		return "", true
	}
	n, size := binary.Uvarint([]byte(f.key[:min(len(f.key), binary.MaxVarintLen64)]))
	if size <= 0 || n > uint64(len(f.key)-size) {
		return "", false
	}
	return f.key[size : size+int(n)], true
}

// tierKey returns the key of a value that depends on the given parts. Nobody can
// find parts that have the key of others.
func tierKey(parts ...string) string {
	var room [1 << 10]byte
	all := append(room[:0], valueForm)
	for _, part := range parts {
		all = append(binary.AppendUvarint(all, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(all)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sessionKeys are the keys of new sessions of a handle's pool, by scope: with
// hooks that see the context of a caller, sessions of two scopes differ.
type sessionKeys struct {
	mu       sync.Mutex
	database *changes.Database // that the keys were asked for; guarded by mu
	byScope  map[string]string // guarded by mu
}

// mostSessionKeys bounds the scopes that are remembered.
const mostSessionKeys = 1 << 10

// sessionKey returns a key for everything that results of new sessions in the
// scope may depend on, besides the data: role and settings. It is equal in all
// processes for which that is equal.
func (s *source) sessionKey(ctx context.Context, scope string) (string, error) {
	if !s.handle.Observed {
		return "", errUnobserved
	}
	if !s.handle.ContextHooks {
		scope = ""
	}
	at := s.current()
	k := &s.sessions
	k.mu.Lock()
	key, ok := k.byScope[scope]
	ok = ok && k.database == at && at != nil
	k.mu.Unlock()
	if ok {
		return key, nil
	}
	key, on, err := s.askSession(ctx)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.database != on || len(k.byScope) >= mostSessionKeys || k.byScope == nil {
		k.database, k.byScope = on, make(map[string]string)
	}
	k.byScope[scope] = key
	return key, nil
}

// sessionQuery reads who asks and all settings. Custom settings are not in
// pg_settings.
const sessionQuery = changes.OwnMark + `SELECT current_user::text || ' ' || session_user::text, 'headrace.roles'
	UNION ALL SELECT setting, name FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser')`

// askSession asks a session for its key and its database.
func (s *source) askSession(ctx context.Context) (string, *changes.Database, error) {
	ctx, watch := changes.WatchSession(ctx)
	settings := make(map[string]string)
	hooked, err := s.readSession(ctx, watch, settings)
	if err != nil {
		return "", nil, err
	}
	at, _ := watch.Database()
	switch {
	case watch.Changed() != "":
		return "", nil, errChanged
	case at == nil:
		return "", nil, errElsewhere
	case at.Standby():
		return "", nil, errStandby
	case hooked:
		return "", nil, errHooks
	}
	cfg := s.pg.Config().ConnConfig
	for name, value := range cfg.RuntimeParams {
		if name != "application_name" {
			settings["given "+name] = value
		}
	}
	parts := []string{cfg.DefaultQueryExecMode.String()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		parts = append(parts, name, settings[name])
	}
	return tierKey(parts...), at, nil
}

// readSession reads the settings of a session, with the custom ones that hooks
// have made. It reports whether hooks have done anything else. All queries run
// in one session.
func (s *source) readSession(ctx context.Context, watch *changes.SessionWatch, settings map[string]string) (hooked bool, err error) {
	conn, err := s.pg.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("read the settings of a session: %w", err)
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, sessionQuery, pgx.QueryExecModeExec)
	if err != nil {
		return false, err
	}
	var value, name string
	_, err = pgx.ForEachRow(rows, []any{&value, &name}, func() error {
		if !sqltext.AffectsNoResult(name) {
			settings[name] = value
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read the settings of a session: %w", err)
	}
	for _, name := range watch.Hooked() {
		switch {
		case name == sqltext.TemporaryRelations || name == sqltext.SomethingUnknown:
			hooked = true
		case strings.Contains(name, "."):
			var custom *string
			if err := conn.QueryRow(ctx, changes.OwnMark+"SELECT pg_catalog.current_setting($1, true)", pgx.QueryExecModeExec, name).Scan(&custom); err != nil {
				return false, fmt.Errorf("read setting %s of a session: %w", name, err)
			}
			if custom != nil {
				settings[name] = *custom
			}
		}
	}
	return hooked, nil
}

// raiseStatement invalidates the entries of a text in the tiers, under all names
// that are known.
func (h *ReadThrough) raiseStatement(text *sqltext.Statement) {
	if len(h.cache.tiers) == 0 {
		return
	}
	names := []string{tierNameOf(text), textTierName(text.ID)}
	for _, rec := range h.cache.records.all() {
		if rec.sent == text.ID && !rec.aside {
			names = append(names, rec.tierName)
		}
	}
	h.cache.raiseTiers(names)
}
