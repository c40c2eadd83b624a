package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/querycache"
)

// Ids of cities in Japan.
const (
	yokohama = 1848354
	osaka    = 1853909
	saitama  = 6940394
	yono     = 1848254 // became part of Saitama in 2001
	nowhere  = -1
)

// A tour uses the repository as a program does, and records the outcomes of
// cache lookups.
type tour struct {
	*program.Report
	cities *Cities
	last   querycache.Reason // of the last read through the cached handle
}

// lookedUp is called on the goroutine of the read, which is always the same
// here.
func (t *tour) lookedUp(_ context.Context, l querycache.Lookup) { t.last = l.Reason }

func (t *tour) take(ctx context.Context) error {
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Read a city twice", t.readTwice},
		{"Go through the pages of a country", t.pages},
		{"Save cities", t.save},
		{"Merge two cities in a transaction", t.merge},
		{"Merge into a city that is not there", t.rollBack},
	} {
		t.Step(step.title)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return nil
}

func (t *tour) readTwice(ctx context.Context) error {
	first, err := t.city(ctx, yokohama)
	if err != nil {
		return err
	}
	cold := t.last
	second, err := t.city(ctx, yokohama)
	if err != nil {
		return err
	}
	t.Claim(cold == querycache.MissCold && t.last == querycache.Hit && first == second,
		"the second read returns the same city, from memory")
	return nil
}

// pages follows Next, and caches the first and the second page.
func (t *tour) pages(ctx context.Context) error {
	first, err := t.page(ctx, "")
	if err != nil {
		return err
	}
	second, err := t.page(ctx, first.Next)
	if err != nil {
		return err
	}
	last, next := first.Items[len(first.Items)-1], second.Items[0]
	t.Claim(last.Population >= next.Population, "the second page begins where the first one ends")
	_, err = t.page(ctx, first.Next)
	t.Claim(t.last == querycache.Hit, "pages are cached at any depth")
	return err
}

// save writes the census of 2020 for two cities, and a new city.
func (t *tour) save(ctx context.Context) error {
	changed, err := t.city(ctx, yokohama)
	if err != nil {
		return err
	}
	same, err := t.city(ctx, osaka)
	if err != nil {
		return err
	}
	changed.Population = 3_777_491
	added := City{ID: 1_000_000_000, Name: "Woven City", Country: "JP", Population: 360, Longitude: 138.89, Latitude: 35.23}
	counts, err := t.cities.Save(ctx, changed, same, added)
	if err != nil {
		return err
	}
	t.Say("saved: %d inserted, %d updated, %d unchanged", counts.Inserted, counts.Updated, counts.Unchanged)
	t.Claim(counts.Inserted == 1 && counts.Updated == 1 && counts.Unchanged == 1, "each city was inserted, updated or left unchanged")

	now, err := t.city(ctx, yokohama)
	if err != nil {
		return err
	}
	t.Claim(now == changed, "the next read of %s sees the change", now.Name)
	page, err := t.page(ctx, "")
	t.Claim(err == nil && page.Items[1] == changed, "the next read of the page sees it too")
	return err
}

func (t *tour) merge(ctx context.Context) error {
	small, err := t.city(ctx, yono)
	if err != nil {
		return err
	}
	large, err := t.city(ctx, saitama)
	if err != nil {
		return err
	}
	merged, err := t.cities.Merge(ctx, yono, saitama)
	if err != nil {
		return err
	}
	t.Claim(merged.Population == small.Population+large.Population, "%s has the population of both cities", merged.Name)
	_, err = t.city(ctx, yono)
	t.Claim(errors.Is(err, ErrUnknownCity), "the next read of %s does not find it", small.Name)
	page, err := t.page(ctx, "")
	t.Claim(err == nil && page.Items[3] == merged, "the next page has %s among the largest", merged.Name)
	return err
}

// rollBack fails after the first of two writes.
func (t *tour) rollBack(ctx context.Context) error {
	before, err := t.untilHit(ctx, saitama)
	if err != nil {
		return err
	}
	_, err = t.cities.Merge(ctx, saitama, nowhere)
	t.Claim(errors.Is(err, ErrUnknownCity), "the merge fails: %v", err)
	after, err := t.city(ctx, saitama)
	t.Claim(err == nil && after == before && t.last == querycache.Hit, "%s is unchanged, and its entry is still valid", before.Name)
	return err
}

// city reads a city and prints the outcome of the lookup.
func (t *tour) city(ctx context.Context, id int32) (City, error) {
	city, err := t.cities.ByID(ctx, id)
	if err == nil {
		t.Say("%-14s %s: %d people", t.last, city.Name, city.Population)
	}
	return city, err
}

// untilHit reads a city until it is a hit. After the first write of a kind
// nothing is stored for some milliseconds, until the server has reported its
// effects.
func (t *tour) untilHit(ctx context.Context, id int32) (City, error) {
	for range 1000 {
		if city, err := t.city(ctx, id); err != nil || t.last == querycache.Hit {
			return city, err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return City{}, fmt.Errorf("city %d is not cached: %s", id, t.last)
}

// page reads ten cities of Japan.
func (t *tour) page(ctx context.Context, at db.Cursor) (db.Page[City], error) {
	page, err := t.cities.OfCountry(ctx, "JP", at, 10)
	names := make([]string, len(page.Items))
	for i, city := range page.Items {
		names[i] = city.Name
	}
	t.Say("%-14s %s", t.last, strings.Join(names, ", "))
	return page, err
}
