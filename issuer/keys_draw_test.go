package issuer

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"
)

// drawn counts what is drawn.
type drawn struct{ bytes int }

func (d *drawn) Read(p []byte) (int, error) {
	d.bytes += len(p)
	return rand.Read(p)
}

// A key takes a tenth of a second to draw, in which nobody can look for another: it is drawn only where one is created.
func TestRotateDrawsWhatItCreates(t *testing.T) {
	d := newDeployment(t)
	d.start(t, "RS512")
	i, random := d.start(t, "ES256"), new(drawn)
	i.Rand = random
	for _, stage := range []struct {
		name string
		wait time.Duration
	}{{"next too young", 0}, {"promote", PublishedBefore}, {"remove", PublishedAfter}} {
		d.clock.advance(stage.wait)
		refresh(t, i)
		if random.bytes != 0 {
			t.Errorf("%s: %d bytes were drawn", stage.name, random.bytes)
		}
	}
	if keys := jwks(t, i).Keys; len(keys) != 1 || keys[0].Algorithm != "ES256" {
		t.Errorf("nothing was promoted and removed, so the test says nothing: %d keys", len(keys))
	}
	other := d.node("RS512")
	other.Rand = random
	if refresh(t, other); random.bytes == 0 {
		t.Error("a key was created, and nothing was drawn")
	}
}

// A key that comes to be due after a start has read the keys, since another node has changed them, is made all the same.
func TestRotateLooksAgain(t *testing.T) {
	d := newDeployment(t)
	d.start(t, "RS512")
	d.start(t, "ES256")
	d.clock.advance(PublishedBefore) // a start would promote the next key
	i, meanwhile := d.node("ES256"), sync.OnceFunc(func() { d.start(t, "RS512") })
	i.Now = func() time.Time { // called between the read and the Update
		meanwhile()
		return d.clock.read()
	}
	refresh(t, i)
	var got []string
	for _, k := range jwks(t, i).Keys {
		got = append(got, k.Algorithm)
	}
	if !slices.Equal(got, []string{"RS512", "ES256"}) {
		t.Errorf("the JWKS has %v, want a new ES256 key that waits", got)
	}
}
