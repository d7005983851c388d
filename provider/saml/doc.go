// Package saml verifies SAML 2.0 responses, as browsers carry them from an identity provider, and reads the metadata that says
// what the provider's keys are. It is strict: it takes the one form in which identity providers sign their responses today,
// and refuses whatever else the standards would allow.
//
// It is pure: no network, no clock, no state. It leaves to others: that an assertion is used by one person only (the ID is there
// for that, and holds until NotOnOrAfter plus Grace), where metadata is stored (iam), and what an assertion opens (cognito).
//
//	base64 -> bytes -> tree  (xml.go)        UTF-8, no DTD, comments, CDATA, processing instructions; bounded
//	       -> the one Assertion, the one or two Signatures, in their places      (verify.go)
//	       -> the signed element, read anew from the bytes that were digested    (signature.go)
//	       -> made by whom, for whom, good for how long; what it says            (assertion.go), from that element alone
//
// If the Assertion is signed it is read by its own signature; if the Response alone is, by the Response's; if both are, both
// must be good. Of a Response that is not signed only what can lead to a refusal is looked at: Status, Issuer, Destination.
package saml
