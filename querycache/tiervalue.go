package querycache

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"time"
)

// valueForm is the number of the form of values in further tiers. It changes
// with the form, with the keys (see internal/argkey), and with the meaning of
// either: values of another form are misses. It is part of each key, too, so
// that two releases do not replace each other's values.
const valueForm = 1

// A stored is a value in a further tier.
type stored struct {
	kind     storedKind
	life     time.Duration // from the begin of the load until the tier drops the value
	names    uint64        // digest of the names that the value depends on
	versions []tierVersions
	content  []byte
}

// tierVersions are the versions of the names of a value in one tier, read
// before its load.
type tierVersions struct {
	tier     string
	versions []uint64
}

// A storedKind tells what the content of a value is.
type storedKind byte

const (
	storedRows  storedKind = iota // a recording
	storedValue                   // of an Aside, encoded by the program
	storedNone                    // of an Aside: there is no value
)

var errNotStored = errors.New("not a value of this release")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const crcBytes = 8

// encode returns the value as bytes for a key. They end with a checksum, which
// includes the key.
func (s *stored) encode(key string) []byte {
	dst := make([]byte, 0, len(s.content)+64*len(s.versions)+64)
	dst = append(dst, 'h', 'r', valueForm, byte(s.kind))
	dst = binary.AppendUvarint(dst, uint64(s.life.Milliseconds()))
	dst = binary.LittleEndian.AppendUint64(dst, s.names)
	dst = binary.AppendUvarint(dst, uint64(len(s.versions)))
	for _, v := range s.versions {
		dst = binary.AppendUvarint(dst, uint64(len(v.tier)))
		dst = append(dst, v.tier...)
		dst = binary.AppendUvarint(dst, uint64(len(v.versions)))
		for _, version := range v.versions {
			dst = binary.LittleEndian.AppendUint64(dst, version)
		}
	}
	dst = append(dst, s.content...)
	return binary.LittleEndian.AppendUint64(dst, sumFor(key, dst))
}

// decodeStored returns the value of a key from its bytes, which it shares. It
// returns an error for bytes that are damaged, or not of this form.
func decodeStored(key string, data []byte) (*stored, error) {
	if len(data) < 4+crcBytes || string(data[:3]) != string([]byte{'h', 'r', valueForm}) {
		return nil, errNotStored
	}
	body := data[:len(data)-crcBytes]
	if binary.LittleEndian.Uint64(data[len(body):]) != sumFor(key, body) {
		return nil, errNotStored
	}
	r := reader64{rest: body[4:]}
	s := &stored{kind: storedKind(body[3]), life: time.Duration(r.number()) * time.Millisecond}
	s.names = r.word()
	for range min(r.number(), maxTiers) {
		v := tierVersions{tier: string(r.take(r.number()))}
		for range min(r.number(), uint64(len(r.rest)/8)) {
			v.versions = append(v.versions, r.word())
		}
		s.versions = append(s.versions, v)
	}
	s.content = r.rest
	if r.failed || s.kind > storedNone || s.life < 0 || s.life > longestLife {
		return nil, errNotStored
	}
	return s, nil
}

// in returns the versions in a tier, nil if the value was not stored for it.
func (s *stored) in(tier string) []uint64 {
	i := slices.IndexFunc(s.versions, func(v tierVersions) bool { return v.tier == tier })
	if i < 0 {
		return nil
	}
	return s.versions[i].versions
}

// sumFor returns two checksums of different polynomials, which processors
// compute fast.
func sumFor(key string, body []byte) uint64 {
	one := crc32.Update(crc32.ChecksumIEEE([]byte(key)), crc32.IEEETable, body)
	two := crc32.Update(crc32.Checksum([]byte(key), castagnoli), castagnoli, body)
	return uint64(one)<<32 | uint64(two)
}

// digestOf returns a digest of names.
func digestOf(names []string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return binary.LittleEndian.Uint64(sum[:])
}

// A reader64 reads bytes from their start.
type reader64 struct {
	rest   []byte
	failed bool
}

func (r *reader64) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader64) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || r.failed {
		r.failed = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader64) word() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}
