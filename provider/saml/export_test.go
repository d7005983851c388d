package saml

import "testing"

// FrontDoor, where it is set, is shown every response that Verify refuses: what is refused here must open nothing there.
var FrontDoor func(t testing.TB, md *Metadata, response string, want Expect)
