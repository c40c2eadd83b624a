// Package faultproxy is a TCP proxy that breaks connections on purpose: at a byte, at a message, for a while, one way
// or both. Tests put it between a client and PostgreSQL.
//
//	proxy, err := faultproxy.Start(server.Addr())
//	...
//	proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToServer, After: []byte("COMMIT"), Kind: faultproxy.Cut})
//
// Bytes are passed as they are; nothing here knows the protocol, so that what is tested is the client. For the
// bytes of a statement to be found, connections have to be without TLS.
package faultproxy
