package main

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbdebug"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
)

// options configures a service.
type options struct {
	faults   faultSet
	interval time.Duration // of the windows of the Monitor: findings are about the last 12
	heldFor  time.Duration // from which on a connection counts as leaked
}

// A service answers requests about cities.
type service struct {
	http.Handler

	faults faultSet
	leaked leaked

	pg      *db.DB                  // reads the current state
	reads   *querycache.ReadThrough // results may be as old as their policies allow
	cache   *querycache.Cache
	monitor *diagnose.Monitor
	health  *diagnose.Health

	unfollow func()
}

// open connects to the database, applies the migrations and makes the parts of
// the service, each of which uses those before. The caller must close it.
func open(ctx context.Context, connString string, opts options) (s *service, err error) {
	s = &service{faults: opts.faults}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, err
	}
	db.ApplyDefaults(cfg)
	cfg.MaxConns = opts.faults.maxConns()
	if s.pg, err = db.OpenConfig(ctx, cfg, nil); err != nil {
		return nil, err
	}
	s.pg.SampleAcquisitions() // a microsecond each, for the place of the first connection that leaks
	files, err := opts.faults.schema()
	if err != nil {
		return nil, err
	}
	if _, err := migrations.Up(ctx, s.pg.Pool(), files); err != nil {
		return nil, err
	}
	if err := s.openCache(); err != nil {
		return nil, err
	}
	caches := map[string]*querycache.Cache{"cities": s.cache}
	if s.monitor, err = diagnose.New(s.pg, &diagnose.Options{
		Interval: opts.interval, HeldFor: opts.heldFor, Caches: caches,
		Thresholds: []diagnose.Threshold{
			{Metric: diagnose.P99, Above: diagnose.Duration(500 * time.Millisecond)},
			{Metric: diagnose.PoolWait, Above: diagnose.Duration(100 * time.Millisecond)},
			{Metric: diagnose.ErrorRate, Above: diagnose.Ratio(0.01)},
		},
	}); err != nil {
		return nil, err
	}
	if s.health, err = diagnose.NewHealth(s.pg, &diagnose.HealthOptions{Caches: caches}); err != nil {
		return nil, err
	}
	s.Handler = s.handler(&dbdebug.Options{Title: "Cities", Monitor: s.monitor, Health: s.health, Caches: caches})
	return s, nil
}

func (s *service) openCache() (err error) {
	if s.cache, err = querycache.New(nil); err != nil {
		return err
	}
	if s.unfollow, err = s.cache.Follow(s.pg); err != nil { // commits through pg invalidate entries
		return err
	}
	s.reads, err = s.cache.ReadThrough(s.pg, policies)
	return err
}

// close closes what open has opened, in reverse order. No request may be under
// way.
func (s *service) close() {
	if s.health != nil {
		s.health.Close()
	}
	if s.monitor != nil {
		s.monitor.Close()
	}
	if s.unfollow != nil {
		s.unfollow()
	}
	if s.cache != nil {
		s.cache.Close()
	}
	s.leaked.end(context.Background())
	if s.pg != nil {
		s.pg.Close()
	}
}
