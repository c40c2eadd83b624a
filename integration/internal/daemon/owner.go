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

// Owner is the user as which a daemon runs. The nil owner is the current user.
type Owner struct {
	uid, gid uint32
}

// ErrNoOwner is returned for root if no other user is available.
var ErrNoOwner = errors.New("servers do not run as root, and there is no user postgres or nobody")

// NewOwner returns the user postgres or nobody for root, as which PostgreSQL
// and PgBouncer do not run. For other users it returns nil.
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

// Take changes the owner of a file or folder.
func (o *Owner) Take(path string) error {
	if o == nil {
		return nil
	}
	return os.Chown(path, int(o.uid), int(o.gid))
}

// Attributes returns attributes for a process of the owner in its own session,
// so that Ctrl-C in the terminal does not end it.
func (o *Owner) Attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if o != nil {
		attr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid}
	}
	return attr
}
