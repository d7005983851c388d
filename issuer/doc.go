// Package issuer is the OpenID issuer: the signing keys, the one mint of tokens, and the documents by which strangers
// verify them (discovery and JWKS).
//
//	next ──24 h──> current ──(another key takes over)──> retired ──25 h──> gone
//
// A key is published from the moment it is made, signs while it is current, and stays published for longer than any
// token lives that it has signed. The keys are in the database, sealed, so that every node signs with the same.
//
// Inside the product our own issuer is always called Name, whatever its URL.
package issuer
