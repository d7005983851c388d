// Package server wires everything together: database, keys, services, listeners; and it starts and ends in order.
//
//	Open    lock the data directory, open the database, find the master key, do what the first start does, load the keys
//	Serve   answer, until the context ends; then drain and close
//
// Whatever is answered for other reasons than the API is here too: health, metrics, CORS, the address of a client behind
// a proxy.
package server
