//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Owner is the user under whom a daemon runs. The nil owner is the current user.
type Owner struct {
	uid, gid uint32
}

// ErrNoOwner is returned to root on a system with neither of the users that it may become.
var ErrNoOwner = errors.New("it refuses to run as root, and there is no user postgres or nobody to run it as")

// NewOwner is nil except for root, whom PostgreSQL and its like refuse: then it is the user postgres, or nobody.
func NewOwner() (*Owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &Owner{uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, ErrNoOwner
}

// Take makes the owner the owner of a file or folder.
func (o *Owner) Take(path string) error {
	if o == nil {
		return nil
	}
	return os.Chown(path, int(o.uid), int(o.gid))
}

// Attributes start a process as the owner, in a session of its own: Ctrl-C in the terminal ends the tests and
// not the server under them.
func (o *Owner) Attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if o != nil {
		attr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid}
	}
	return attr
}
