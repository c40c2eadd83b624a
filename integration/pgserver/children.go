//go:build unix

package pgserver

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// childrenOf returns the processes whose parent is pid, from /proc or else from
// ps.
func childrenOf(pid int) []int {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return childrenFromPS(pid)
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the only error is a bad pattern
	var children []int
	for _, file := range stats {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended
		}
		// "12 (name, which may have blanks and parentheses) S 11 ..."; proc(5)
		fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			children = appendPID(children, []byte(filepath.Base(filepath.Dir(file))))
		}
	}
	return children
}

func childrenFromPS(pid int) []int {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil
	}
	var children []int
	for line := range bytes.Lines(out) {
		fields := bytes.Fields(line)
		if len(fields) == 2 && string(fields[1]) == strconv.Itoa(pid) {
			children = appendPID(children, fields[0])
		}
	}
	return children
}

func appendPID(pids []int, digits []byte) []int {
	if pid, err := strconv.Atoi(string(digits)); err == nil {
		pids = append(pids, pid)
	}
	return pids
}
