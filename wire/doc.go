// Package wire speaks the protocols of AWS: JSON 1.1 and Query, Signature Version 4, and their error envelopes. It knows
// no service: a service is a table of operations, each a function from an input struct to an output struct.
//
//	request -> find the row -> verify the signature, where the row asks for one -> decode -> check the constraints
//	        -> call -> encode
//
// Below this package nobody sees a request or a ResponseWriter.
package wire
