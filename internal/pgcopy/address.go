package pgcopy

import (
	"net/netip"
	"reflect"
)

// addressPlan returns the plan of an address of net/netip, or nil.
func addressPlan(t reflect.Type) appendFunc {
	switch t {
	case reflect.TypeFor[netip.Addr]():
		return appendAddr
	case reflect.TypeFor[netip.Prefix]():
		return func(buf []byte, p pointer) ([]byte, error) {
			return appendPrefix(buf, at[netip.Prefix](p))
		}
	}
	return nil
}

func appendAddr(buf []byte, p pointer) ([]byte, error) {
	addr := at[netip.Addr](p)
	return appendPrefix(buf, netip.PrefixFrom(addr, addr.BitLen()))
}

// The address families as network_send writes them (PGSQL_AF_INET and
// PGSQL_AF_INET6 in utils/inet.h).
const (
	familyIPv4 = 2
	familyIPv6 = 3
)

func appendPrefix(buf []byte, prefix netip.Prefix) ([]byte, error) {
	if !prefix.IsValid() {
		return appendNull(buf), nil
	}
	if addr := prefix.Addr(); addr.Is4() {
		ip := addr.As4()
		return append(append(buf, 0, 0, 0, 8, familyIPv4, byte(prefix.Bits()), 0, 4), ip[:]...), nil
	}
	ip := prefix.Addr().As16()
	return append(append(buf, 0, 0, 0, 20, familyIPv6, byte(prefix.Bits()), 0, 16), ip[:]...), nil
}
