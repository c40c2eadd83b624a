// Package netmeter measures network connections: the bytes that they carried,
// and the time that reads and writes took. It tells the time that a statement
// spends on the network and in the server from the time that it spends in the
// program.
package netmeter
