// Package faultproxy provides a TCP proxy that injects faults: it cuts, hangs,
// delays or silences connections, at a given byte or at once, in one direction
// or both. Tests put it between a client and PostgreSQL.
//
//	proxy, err := faultproxy.Start(server.Addr())
//	...
//	proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToServer, After: []byte("COMMIT"), Kind: faultproxy.Cut})
//
// The proxy does not know the protocol and passes bytes unchanged. Faults that
// wait for the text of a statement require connections without TLS.
package faultproxy
