package main

import "time"

// A request asks a process to do something. Requests and replies are lines of
// JSON.
type request struct {
	Do        string   `json:"do"`                  // read, write, watch or count
	Countries []string `json:"countries,omitempty"` // to read
	Await     bool     `json:"await,omitempty"`     // wait until Redis has what was loaded
	Country   string   `json:"country,omitempty"`   // to write or watch
	Until     int64    `json:"until,omitempty"`     // the population to watch for
}

// A reply is what the process did.
type reply struct {
	Error string `json:"error,omitempty"`

	Memory     int           `json:"memory"` // reads that memory served
	Redis      int           `json:"redis"`
	Server     int           `json:"server"`
	Median     time.Duration `json:"median"`     // of the reads
	Population int64         `json:"population"` // of the country read last

	At   time.Time `json:"at"`   // of the commit's return, or when the first read began that returned the population
	Seen bool      `json:"seen"` // the population was returned

	Hits      uint64        `json:"hits"` // of the tier since the process began
	Misses    uint64        `json:"misses"`
	Passed    uint64        `json:"passed"`
	TierTime  time.Duration `json:"tier_time"` // the median of its reads
	InUse     bool          `json:"in_use"`    // the tier is not down, and no raise is pending
	LastError string        `json:"last_error"`
}
