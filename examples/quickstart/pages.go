package main

import (
	"context"
	"time"

	"github.com/headrace/headrace/db"
)

const (
	pageSize   = 100
	middlePage = 1000
	rounds     = 21 // of each measurement
)

// walk follows the pages from the first to the last and counts rows. Then it
// measures the first page, the thousandth, and the thousandth with OFFSET.
func (d *demo) walk(ctx context.Context) error {
	met := make(map[int32]bool, cityCount)
	var middle db.Cursor // leads to the thousandth page
	for at := db.Cursor(""); ; {
		page, err := cityPages.Page(ctx, d.pg, largestFirst, at, pageSize)
		if err != nil {
			return err
		}
		d.facts.Pages++
		for _, city := range page.Items {
			d.facts.WalkedRows++
			if met[city.ID] {
				d.facts.WalkedTwice++
			}
			met[city.ID] = true
		}
		if d.facts.Pages == middlePage-1 {
			middle = page.Next
		}
		if at = page.Next; at == "" {
			break
		}
	}
	d.say("walked %d pages by keys: %d cities, %d twice", d.facts.Pages, d.facts.WalkedRows, d.facts.WalkedTwice)
	return d.measurePages(ctx, middle)
}

func (d *demo) measurePages(ctx context.Context, middle db.Cursor) error {
	byKeys := func(at db.Cursor) func() error {
		return func() error {
			_, err := cityPages.Page(ctx, d.pg, largestFirst, at, pageSize)
			return err
		}
	}
	byOffset := func() error {
		_, err := cityOffset.All(ctx, d.pg, pageSize, (middlePage-1)*pageSize)
		return err
	}
	times, err := medians(byKeys(""), byKeys(middle), byOffset)
	if err != nil {
		return err
	}
	f := &d.facts
	f.Page1Ms, f.Page1000Ms, f.Offset1000Ms = milliseconds(times[0]), milliseconds(times[1]), milliseconds(times[2])
	f.PageRatio, f.PageTarget = f.Page1000Ms/f.Page1Ms, 1.5
	d.say("page 1: %.2f ms; page 1000: %.2f ms, by OFFSET %.2f ms", f.Page1Ms, f.Page1000Ms, f.Offset1000Ms)
	d.say("page 1000 / page 1: %.2fx (target: at most %.1fx)", f.PageRatio, f.PageTarget)
	return nil
}

func milliseconds(t time.Duration) float64 { return float64(t.Microseconds()) / 1000 }
