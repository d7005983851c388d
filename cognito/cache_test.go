package cognito

import (
	"strings"
	"testing"

	"idpool/identity"
	"idpool/store"
)

// However many pools with large settings are asked for, the cache stays within its bytes.
func TestCacheOfPoolsIsBounded(t *testing.T) {
	s := &Service{}
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	rules := make([]identity.Rule, maxRules)
	for i := range rules {
		rules[i].Value = strings.Repeat("x", 10_000) // one text for all
	}
	pool := &identity.Pool{Settings: identity.Settings{RoleMappings: map[string]identity.Mapper{"idp.example": {Rules: rules}}}}
	for n := range 1000 {
		_, err := s.pools.Get(t.Context(), poolKey{version: int64(n)}, func() (*identity.Pool, error) { return pool, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := s.pools.Bytes(); got > store.CacheBytes || got < store.CacheBytes/2 {
		t.Errorf("1000 pools of %d bytes: %d bytes are kept, of %d", maxRules*10_000, got, store.CacheBytes)
	}
}
