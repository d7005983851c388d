package cognito_test

import (
	"fmt"
	"strings"
	"testing"

	"idpool/cognito"
	"idpool/pooltest"
	"idpool/server"
)

// What tags a pool may have.
func TestTags(t *testing.T) {
	f := start(t)
	many := func(n int) pooltest.Object {
		tags := pooltest.Object{}
		for i := range n {
			tags[fmt.Sprint("key", i)] = "v"
		}
		return tags
	}
	reserved := invalidParameter("The prefix aws: of tag keys is reserved.")
	odd := invalidParameter("Tag keys and values hold letters, digits, spaces and _ . : / = + - @ only.")
	alike := invalidParameter("Tag keys must differ by more than the case of their letters.")
	tooMany := refusal{"LimitExceededException", "An identity pool can have at most 50 tags."}
	const mapValue = "1 validation error detected: Value '{k=%s}' at 'identityPoolTags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 0]"
	const mapKey = "1 validation error detected: Value '{%s=v}' at 'identityPoolTags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]"
	long := strings.Repeat("a", 257)
	for _, row := range []struct {
		name string
		tags pooltest.Object
		want *refusal
	}{
		{"none", pooltest.Object{}, nil},
		{"an empty value", pooltest.Object{"k": ""}, nil},
		{"all that is allowed", pooltest.Object{"Aa0 _.:/=+-@ä": "Aa0 _.:/=+-@ü"}, nil},
		{"keys that differ in case alone", pooltest.Object{"a": "1", "A": "2"}, &alike},
		{"the longest", pooltest.Object{long[:128]: long[:256]}, nil},
		{"50", many(50), nil},
		{"51", many(51), &tooMany},
		{"a reserved key", pooltest.Object{"aws:x": "v"}, &reserved},
		{"a reserved key in capitals", pooltest.Object{"AWS:x": "v"}, &reserved},
		{"a key that only begins so", pooltest.Object{"awsx": "v"}, nil},
		{"an odd key", pooltest.Object{"k?": "v"}, &odd},
		{"an odd value", pooltest.Object{"k": "v\n"}, &odd},
		{"a key that is too long", pooltest.Object{long[:129]: "v"}, &refusal{"ValidationException", fmt.Sprintf(mapKey, long[:129])}},
		{"an empty key", pooltest.Object{"": "v"}, &refusal{"ValidationException", fmt.Sprintf(mapKey, "")}},
		{"a value that is too long", pooltest.Object{"k": long}, &refusal{"ValidationException", fmt.Sprintf(mapValue, long)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			created := f.Signed(t, "CreateIdentityPool", pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "IdentityPoolTags": row.tags})
			updated := f.Signed(t, "UpdateIdentityPool", pooltest.Object{"IdentityPoolId": f.pool, "IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "IdentityPoolTags": row.tags})
			for _, r := range []*pooltest.Reply{created, updated} {
				if row.want != nil {
					row.want.check(t, r)
					continue
				}
				if got := r.Must(t).Object(t)["IdentityPoolTags"].(pooltest.Object); fmt.Sprint(got) != fmt.Sprint(row.tags) {
					t.Errorf("the tags are %v, want %v", got, row.tags)
				}
			}
		})
	}
}

// An account has pools in so many regions, and no more; who has one in a region may make another there.
func TestRegionQuota(t *testing.T) {
	f := start(t) // which has a pool in us-east-1
	root, another := session{key: f.Root}, session{key: f.NewAccount(t, other)}
	in := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true}
	for i := 1; i < cognito.MaxRegions; i++ {
		f.signedBy(t, root, fmt.Sprintf("eu-west-%d", i), "CreateIdentityPool", in).Must(t)
	}
	full := refusal{"LimitExceededException", "The account has identity pools in 64 regions, which is the most."}
	full.check(t, f.signedBy(t, root, "one-more-1", "CreateIdentityPool", in))
	last := f.signedBy(t, root, "eu-west-1", "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"]
	f.signedBy(t, another, "one-more-1", "CreateIdentityPool", in).Must(t)

	// A region without a pool is none of them.
	f.signedBy(t, root, "eu-west-1", "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": last}).Must(t)
	full.check(t, f.signedBy(t, root, "one-more-1", "CreateIdentityPool", in))
	f.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}).Must(t)
	f.signedBy(t, root, "one-more-1", "CreateIdentityPool", in).Must(t)
}

// An operator may say in which regions there are pools.
func TestRegionsOfServer(t *testing.T) {
	node := pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm, c.Regions = "ES256", []string{"us-east-1", "local"} })
	in := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true}
	node.SignedAs(t, node.Root, "local", "CreateIdentityPool", in).Must(t)
	invalidParameter("This server keeps no pools in the region eu-west-1.").check(t, node.SignedAs(t, node.Root, "eu-west-1", "CreateIdentityPool", in))
}

// Whoever was in a deleted pool is out at once.
func TestDeleteIdentityPool(t *testing.T) {
	f := start(t)
	guest, alice := f.getID(t, nil), f.getID(t, f.logins("alice"))
	f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")).Must(t)
	f.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}).Must(t)

	noPool := refusal{"ResourceNotFoundException", "IdentityPool '" + f.pool + "' not found."}
	noPool.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool}))
	noPool.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": f.logins("alice")}))
	for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
		refusal{"ResourceNotFoundException", "Identity '" + guest + "' not found."}.check(t, f.as(t, operation, guest, nil))
		refusal{"ResourceNotFoundException", "Identity '" + alice + "' not found."}.check(t, f.as(t, operation, alice, f.logins("alice")))
	}
	refusal{"ResourceNotFoundException", "Identity '" + alice + "' not found."}.check(t, f.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": alice}))
	if r := f.Signed(t, "ListIdentityPools", pooltest.Object{"MaxResults": 60}).Must(t); string(r.Body) != `{"IdentityPools":[]}` {
		t.Errorf("%s", r.Body)
	}

	// In a new pool the same person is somebody else.
	f.pool = f.create(t, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}})
	if id := f.getID(t, f.logins("alice")); id == alice {
		t.Errorf("alice has the identity of a deleted pool")
	}
}

// A pool's name, guests and providers act on the next call: nobody has to wait for a cache.
func TestSettingsActAtOnce(t *testing.T) {
	f := start(t)
	f.getID(t, nil)
	f.update(t, f.pool, pooltest.Object{"AllowUnauthenticatedIdentities": false})
	noGuests.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool}))
	in := pooltest.Object{"IdentityPoolId": f.pool, "Logins": f.logins("alice")}
	notAuthorized("Identity pool - "+f.pool+" does not have identity providers configured.").check(t, f.Public(t, "GetId", in))
	f.update(t, f.pool, pooltest.Object{"DeveloperProviderName": "login.example"})
	notAuthorized("Token is not from a supported provider of this identity pool.").check(t, f.Public(t, "GetId", in))
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}})
	f.getID(t, f.logins("alice"))
	f.getID(t, nil)
}
