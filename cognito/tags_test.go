package cognito_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

func arnOfPool(pool string) string {
	return "arn:aws:cognito-identity:us-east-1:" + pooltest.Account + ":identitypool/" + pool
}

func (f *front) tag(t *testing.T, tags pooltest.Object) *pooltest.Reply {
	t.Helper()
	return f.Signed(t, "TagResource", pooltest.Object{"ResourceArn": arnOfPool(f.pool), "Tags": tags})
}

func (f *front) untag(t *testing.T, keys ...string) *pooltest.Reply {
	t.Helper()
	if keys == nil {
		keys = []string{}
	}
	return f.Signed(t, "UntagResource", pooltest.Object{"ResourceArn": arnOfPool(f.pool), "TagKeys": keys})
}

// hasTags checks a pool's tags, as both operations show them.
func (f *front) hasTags(t *testing.T, want pooltest.Object) {
	t.Helper()
	listed := f.Signed(t, "ListTagsForResource", pooltest.Object{"ResourceArn": arnOfPool(f.pool)}).Must(t).Object(t)
	if diff := cmp.Diff(pooltest.Object{"Tags": want}, listed); diff != "" {
		t.Errorf("ListTagsForResource (-want +got):\n%s", diff)
	}
	described := f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}).Must(t).Object(t)
	if diff := cmp.Diff(want, described["IdentityPoolTags"]); diff != "" {
		t.Errorf("DescribeIdentityPool (-want +got):\n%s", diff)
	}
}

// numbered are tags key0, key1 and so on.
func numbered(from, to int) pooltest.Object {
	tags := pooltest.Object{}
	for i := from; i < to; i++ {
		tags[fmt.Sprint("key", i)] = "v"
	}
	return tags
}

// Tags are added and changed key by key, and removed; what is not named stays.
func TestTagResource(t *testing.T) {
	f := start(t)
	f.hasTags(t, pooltest.Object{})
	for _, row := range []struct {
		name  string
		call  func(t *testing.T) *pooltest.Reply
		after pooltest.Object
	}{
		{"two", func(t *testing.T) *pooltest.Reply { return f.tag(t, pooltest.Object{"team": "ops", "stage": ""}) }, pooltest.Object{"team": "ops", "stage": ""}},
		{"one more", func(t *testing.T) *pooltest.Reply { return f.tag(t, pooltest.Object{"Cost-Center": "x"}) }, pooltest.Object{"team": "ops", "stage": "", "Cost-Center": "x"}},
		{"another value", func(t *testing.T) *pooltest.Reply { return f.tag(t, pooltest.Object{"team": "dev"}) }, pooltest.Object{"team": "dev", "stage": "", "Cost-Center": "x"}},
		{"none", func(t *testing.T) *pooltest.Reply { return f.tag(t, pooltest.Object{}) }, pooltest.Object{"team": "dev", "stage": "", "Cost-Center": "x"}},
		{"one removed", func(t *testing.T) *pooltest.Reply { return f.untag(t, "Cost-Center") }, pooltest.Object{"team": "dev", "stage": ""}},
		{"removed again, beside another", func(t *testing.T) *pooltest.Reply { return f.untag(t, "Cost-Center", "stage", "TEAM") }, pooltest.Object{"team": "dev"}},
		{"none removed", func(t *testing.T) *pooltest.Reply { return f.untag(t) }, pooltest.Object{"team": "dev"}},
		{"the last removed", func(t *testing.T) *pooltest.Reply { return f.untag(t, "team") }, pooltest.Object{}},
		{"50", func(t *testing.T) *pooltest.Reply { return f.tag(t, numbered(0, 50)) }, numbered(0, 50)},
		{"a new value where there are 50", func(t *testing.T) *pooltest.Reply { return f.tag(t, pooltest.Object{"key0": "v"}) }, numbered(0, 50)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if r := row.call(t).Must(t); string(r.Body) != "{}" {
				t.Errorf("the reply is %s", r.Body)
			}
			f.hasTags(t, row.after)
		})
	}
	// An Update without tags leaves them, one with tags replaces them; roles and providers are untouched by tags.
	f.update(t, f.pool, nil)
	f.hasTags(t, numbered(0, 50))
	f.update(t, f.pool, pooltest.Object{"IdentityPoolTags": pooltest.Object{"team": "ops"}})
	f.hasTags(t, pooltest.Object{"team": "ops"})
}

// What tags a pool may not have. A call that is refused has changed nothing.
func TestTagsRefused(t *testing.T) {
	f := start(t)
	before := numbered(0, 49)
	f.tag(t, before).Must(t)
	reserved := invalidParameter("The prefix aws: of tag keys is reserved.")
	alike := invalidParameter("Tag keys must differ by more than the case of their letters.")
	odd := invalidParameter("Tag keys and values hold letters, digits, spaces and _ . : / = + - @ only.")
	full := invalidParameter("An identity pool can have at most 50 tags.")
	long := strings.Repeat("k", 129)
	for _, row := range []struct {
		name string
		tags pooltest.Object
		want refusal
	}{
		{"51 with those that are there", numbered(49, 51), full},
		{"51 at once", numbered(0, 51), full},
		{"a reserved key", pooltest.Object{"aws:team": "x"}, reserved},
		{"a reserved key, in capitals", pooltest.Object{"Aws:team": "x"}, reserved},
		{"a reserved key beside a good one", pooltest.Object{"key0": "x", "aws:": "x"}, reserved},
		{"a key that is there in another case", pooltest.Object{"KEY0": "x"}, alike},
		{"a key twice, in two cases", pooltest.Object{"key0": "x", "Key0": "y"}, alike},
		{"an odd key", pooltest.Object{"a*": "x"}, odd},
		{"an odd value", pooltest.Object{"a": "<x>"}, odd},
		{"a new line", pooltest.Object{"a": "x\n"}, odd},
		{"NUL", pooltest.Object{"a": "\x00"}, odd},
		{"a long key", pooltest.Object{long: "x"}, refusal{"ValidationException", "1 validation error detected: Value '{" + long + "=x}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want.check(t, f.tag(t, row.tags))
			f.hasTags(t, before)
		})
	}
	// 49 and one are 50.
	after := maps.Clone(before)
	after["ä ö_.:/=+-@"] = "例 1_.:/=+-@"
	f.tag(t, pooltest.Object{"ä ö_.:/=+-@": "例 1_.:/=+-@"}).Must(t)
	f.hasTags(t, after)
}

// The tag that chooses the id of a new pool says nothing to a pool that is there.
func TestTagCustomID(t *testing.T) {
	f := start(t)
	const id = "8942d0d9-2a33-4114-9c1c-664a7a785856"
	f.tag(t, pooltest.Object{"_custom_id_": id}).Must(t)
	f.tag(t, pooltest.Object{"_custom_id_": "no UUID"}).Must(t)
	f.hasTags(t, pooltest.Object{"_custom_id_": "no UUID"})
	f.pool = f.create(t, pooltest.Object{"IdentityPoolTags": pooltest.Object{"_custom_id_": id}})
	f.hasTags(t, pooltest.Object{"_custom_id_": id})
	f.untag(t, "_custom_id_").Must(t)
	f.hasTags(t, pooltest.Object{})
}

// Which ARNs mean a pool of the caller's. The partition is not looked at.
func TestTagARNs(t *testing.T) {
	f := start(t)
	unknown := refusal{"ResourceNotFoundException", "IdentityPool '" + f.pool + "' not found."}
	good := arnOfPool(f.pool)
	malformed := func(arn string) *refusal {
		r := invalidParameter(arn + " is not the ARN of an identity pool.")
		return &r
	}
	for _, row := range []struct {
		name, arn string
		want      *refusal
	}{
		{"its own", good, nil},
		{"of another partition", strings.Replace(good, "arn:aws:", "arn:aws-us-gov:", 1), nil},
		{"of another account", strings.Replace(good, pooltest.Account, other, 1), &unknown},
		{"of another region", strings.Replace(good, ":us-east-1:", ":eu-west-1:", 1), &unknown},
		{"of no account", strings.Replace(good, pooltest.Account, "", 1), &unknown},
		{"of no region", strings.Replace(good, ":us-east-1:", "::", 1), &unknown},
		{"in capitals", strings.ToUpper(good), malformed(strings.ToUpper(good))},
		{"of another service", strings.Replace(good, "cognito-identity", "cognito-idp", 1), malformed(strings.Replace(good, "cognito-identity", "cognito-idp", 1))},
		{"of another kind", strings.Replace(good, "identitypool", "identity", 1), malformed(strings.Replace(good, "identitypool", "identity", 1))},
		{"of something in it", good + "/identity/x", malformed(good + "/identity/x")},
		{"with a blank", good + " ", malformed(good + " ")},
		{"of all pools", arnOfPool("*"), malformed(arnOfPool("*"))},
		{"of two", good + ":identitypool/" + f.pool, malformed(good + ":identitypool/" + f.pool)},
		{"an id", f.pool, malformed(f.pool)},
		{"nothing of the kind", "twenty characters are enough", malformed("twenty characters are enough")},
	} {
		t.Run(row.name, func(t *testing.T) {
			for op, in := range map[string]pooltest.Object{
				"TagResource": {"Tags": pooltest.Object{"team": "ops"}}, "UntagResource": {"TagKeys": []string{"team"}}, "ListTagsForResource": {},
			} {
				in["ResourceArn"] = row.arn
				if r := f.Signed(t, op, in); row.want == nil {
					r.Must(t)
				} else {
					row.want.check(t, r)
				}
			}
		})
	}
}
