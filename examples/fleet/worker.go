package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

// chunkArgs are the arguments of a job.
type chunkArgs struct {
	Chunk int `json:"chunk"`
}

// Kind returns the name of the jobs in the queue.
func (chunkArgs) Kind() string { return "load_chunk" }

// A loader works on the jobs.
type loader struct {
	river.WorkerDefaults[chunkArgs]
	pg   *db.DB
	path string
}

// Work loads a chunk.
func (l *loader) Work(ctx context.Context, job *river.Job[chunkArgs]) error {
	file, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = batchinsert.LoadChunk(ctx, l.pg, "cities", batchinsert.CSV(file), job.Args.Chunk, options())
	return err
}

// The environment variables that make this program a worker.
const (
	envDatabase = "FLEET_DATABASE"
	envFile     = "FLEET_FILE"
)

// workIfAsked runs a worker and exits, if the environment asks for one.
func workIfAsked() {
	connString := os.Getenv(envDatabase)
	if connString == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := serve(ctx, connString, os.Getenv(envFile))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet: worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve works until ctx ends.
func serve(ctx context.Context, connString, path string) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	hands := river.NewWorkers()
	river.AddWorker(hands, &loader{pg: pg, path: path})
	client, err := river.NewClient(riverpgxv5.New(pg.Pool()), &river.Config{
		ID:                fmt.Sprint("worker ", os.Getpid()),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}},
		Workers:           hands,
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 100 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	return client.Stop(context.WithoutCancel(ctx)) // after the current chunk
}

// A fleet is a group of worker processes.
type fleet struct{ running []*exec.Cmd }

// start starts this program as a worker.
func (f *fleet) start(ctx context.Context, connString, path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	worker := exec.CommandContext(ctx, self)
	worker.Env = append(os.Environ(), envDatabase+"="+connString, envFile+"="+path)
	worker.Stderr = os.Stderr
	worker.Cancel = func() error { return worker.Process.Signal(syscall.SIGTERM) }
	if err := worker.Start(); err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	f.running = append(f.running, worker)
	return nil
}

// kill kills a worker during its work, and returns its pid.
func (f *fleet) kill() int {
	victim := f.running[0]
	f.running = slices.Delete(f.running, 0, 1)
	_ = victim.Process.Kill()
	_ = victim.Wait() // "signal: killed"
	return victim.Process.Pid
}

// stop stops the remaining workers, which complete their chunks.
func (f *fleet) stop() {
	for _, worker := range f.running {
		_ = worker.Process.Signal(syscall.SIGTERM)
	}
	for _, worker := range f.running {
		_ = worker.Wait() // the worker prints its errors
	}
	f.running = nil
}
