package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/headrace/headrace/examples/shared/redisbox"
)

// A fleet is a group of processes with one database and one Redis.
type fleet struct {
	connString string
	redis      *redisbox.Box
	running    []*process
}

// A process is this program, as a process that serves requests.
type process struct {
	number  int
	cmd     *exec.Cmd
	in      io.WriteCloser
	replies *json.Decoder
}

// start starts a process. It is killed when ctx ends.
func (f *fleet) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), envDatabase+"="+f.connString, envRedis+"="+f.redis.Address, envPrefix+"="+f.redis.Prefix)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a process: %w", err)
	}
	f.running = append(f.running, &process{len(f.running) + 1, cmd, in, json.NewDecoder(out)})
	return nil
}

// stop ends the processes by the end of their standard input, and waits for
// them.
func (f *fleet) stop() {
	for _, p := range f.running {
		_ = p.in.Close()
	}
	for _, p := range f.running {
		hangs := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait() // the process prints its errors
		hangs.Stop()
	}
	f.running = nil
}

// others returns all processes except one.
func (f *fleet) others(than *process) (list []*process) {
	for _, p := range f.running {
		if p != than {
			list = append(list, p)
		}
	}
	return list
}

// ask sends a request to the process and waits for its reply.
func (p *process) ask(q request) (reply, error) {
	if err := p.send(q); err != nil {
		return reply{}, err
	}
	return p.receive()
}

func (p *process) send(q request) error {
	if err := json.NewEncoder(p.in).Encode(q); err != nil {
		return fmt.Errorf("process %d: %w", p.number, err)
	}
	return nil
}

func (p *process) receive() (r reply, err error) {
	if err = p.replies.Decode(&r); errors.Is(err, io.EOF) {
		err = errors.New("it has ended")
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		return reply{}, fmt.Errorf("process %d: %w", p.number, err)
	}
	return r, nil
}
