package cached

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/querycache"
)

// notifyWork returns the work of telling the memory of another process of a
// commit.
func notifyWork(d Database) measure.Work {
	rounds := 4000
	if d.Short {
		rounds /= 20
	}
	var once sync.Once
	var times notifyTimes
	var err error
	figures := func(of func() []time.Duration) func(context.Context) (map[string]float64, error) {
		return func(ctx context.Context) (map[string]float64, error) {
			once.Do(func() { times, err = measureNotify(ctx, d, rounds) })
			if err != nil {
				return nil, err
			}
			sorted := slices.Sorted(slices.Values(of()))
			return map[string]float64{
				measure.MedianTime: float64(sorted[len(sorted)/2]),
				measure.P99Time:    float64(sorted[len(sorted)*99/100]),
			}, nil
		}
	}
	return measure.Work{Name: "tier/notify", Subjects: []measure.Subject{
		{Name: "headrace", Extra: figures(func() []time.Duration { return times.commits })},
		{Name: "headrace-raise", Extra: figures(func() []time.Duration { return times.raises })},
		{Name: "ping", Extra: figures(func() []time.Duration { return times.pings })},
	}}
}

// notifyTimes are the times of rounds.
type notifyTimes struct {
	commits []time.Duration // from the end of a commit until the other memory is invalid, at least 0
	raises  []time.Duration // likewise, from the begin of the raise that a commit makes
	pings   []time.Duration // of Redis
}

// measureNotify commits and pings in turn.
func measureNotify(ctx context.Context, d Database, rounds int) (times notifyTimes, err error) {
	begins := make(chan time.Time, 1)
	writer, err := openTiered(ctx, d.ConnString, timedRaises(d.Redis, begins), muchMemory, patient)
	if err != nil {
		return times, err
	}
	defer writer.close()
	told := make(chan time.Time, 1)
	reader, err := openTiered(ctx, d.ConnString, toldRaises(d.Redis, told), muchMemory, patient)
	if err != nil {
		return times, err
	}
	defer reader.close()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{d.Redis}, PipelineMultiplex: -1})
	if err != nil {
		return times, err
	}
	defer client.Close()
	for range rounds {
		if err := reader.readTwice(ctx); err != nil {
			return times, err
		}
		drain(begins)
		drain(told)
		if _, err := writer.commit(ctx, 1); err != nil {
			return times, err
		}
		end, begin, invalid := time.Now(), <-begins, <-told
		if _, ok := reader.cache.Stats().Lookups[querycache.MissInvalidated]; !ok && len(times.commits) > 0 {
			return times, errors.New("the memory was not invalidated")
		}
		times.commits = append(times.commits, max(0, invalid.Sub(end)))
		times.raises = append(times.raises, invalid.Sub(begin))
		begin = time.Now()
		if err := client.Do(ctx, client.B().Ping().Build()).Error(); err != nil {
			return times, err
		}
		times.pings = append(times.pings, time.Since(begin))
	}
	return times, nil
}

// readTwice puts a row into memory.
func (h *tiered) readTwice(ctx context.Context) error {
	for range 2 {
		if _, err := orderByID.One(ctx, h.reads, int64(2)); err != nil {
			return err
		}
	}
	return nil
}

// drain removes the time of an earlier event.
func drain(c chan time.Time) {
	select {
	case <-c:
	default:
	}
}

// offer puts the time into c, unless one is there.
func offer(c chan time.Time) {
	select {
	case c <- time.Now():
	default:
	}
}

// A raiseTimer tells when raises begin.
type raiseTimer struct {
	querycache.Tier
	begins chan time.Time
}

// Raise implements [querycache.Tier].
func (t raiseTimer) Raise(ctx context.Context, names []string) error {
	offer(t.begins)
	return t.Tier.Raise(ctx, names)
}

func timedRaises(address string, begins chan time.Time) tier {
	return wrapped(address, func(t querycache.TierNotifier) querycache.Tier { return raiseTimer{t, begins} })
}

// A toldTimer tells when a cache has been told of raises, and has invalidated
// its memory.
type toldTimer struct {
	querycache.TierNotifier
	told chan time.Time
}

// Notify implements [querycache.TierNotifier].
func (t toldTimer) Notify(fn func(names []string)) (stop func()) {
	return t.TierNotifier.Notify(func(names []string) {
		fn(names)
		offer(t.told)
	})
}

func toldRaises(address string, told chan time.Time) tier {
	return wrapped(address, func(t querycache.TierNotifier) querycache.Tier { return toldTimer{t, told} })
}

func wrapped(address string, wrap func(querycache.TierNotifier) querycache.Tier) tier {
	return tier{"headrace", func(ctx context.Context) (querycache.Tier, func(), error) {
		t, closeTier, err := redisTier("headrace", address).open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return wrap(t.(querycache.TierNotifier)), closeTier, nil
	}}
}
