package iam_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"idpool/iam"
)

func noVersion(arn, id string) refusal {
	return refusal{404, "NoSuchEntity", "Policy " + arn + " version " + id + " does not exist or is not attachable."}
}

// versions lists the versions of a policy, the default one with a star.
func (f *fixture) versions(t *testing.T, arn string) string {
	t.Helper()
	r := f.IAM(t, "ListPolicyVersions", "PolicyArn", arn).Must(t)
	var list []string
	for _, m := range regexp.MustCompile(`<VersionId>(v\d+)</VersionId><IsDefaultVersion>(\w+)</IsDefaultVersion>`).FindAllStringSubmatch(string(r.Body), -1) {
		list = append(list, m[1]+map[string]string{"true": "*", "false": ""}[m[2]])
	}
	return strings.Join(list, " ")
}

// Versions have numbers that are never used again, and the default one acts.
func TestPolicyVersions(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	now := f.Clock.Now().UTC().Format("2006-01-02T15:04:05Z")
	create := func(params ...string) []string { return append([]string{"PolicyArn", arn}, params...) }

	answers(t, f.IAM(t, "CreatePolicyVersion", create("PolicyDocument", managedDocument("two"))...), nil, reply("CreatePolicyVersion",
		"<PolicyVersion><VersionId>v2</VersionId><IsDefaultVersion>false</IsDefaultVersion><CreateDate>"+now+"</CreateDate></PolicyVersion>"))
	answers(t, f.IAM(t, "CreatePolicyVersion", create("PolicyDocument", managedDocument("three"), "SetAsDefault", "true")...), nil, reply("CreatePolicyVersion",
		"<PolicyVersion><VersionId>v3</VersionId><IsDefaultVersion>true</IsDefaultVersion><CreateDate>"+now+"</CreateDate></PolicyVersion>"))
	for _, step := range []struct {
		action, version string
		want            string
	}{
		{"DeletePolicyVersion", "v1", "v3* v2"},
		{"SetDefaultPolicyVersion", "v2", "v3 v2*"},
		{"DeletePolicyVersion", "v3", "v2*"},
		{"CreatePolicyVersion", "", "v4 v2*"},
		{"DeletePolicyVersion", "v4", "v2*"},
		{"CreatePolicyVersion", "", "v5 v2*"},
	} {
		if step.version != "" {
			answers(t, f.IAM(t, step.action, create("VersionId", step.version)...), nil, reply(step.action, ""))
		} else {
			f.IAM(t, step.action, create("PolicyDocument", managedDocument("more"))...).Must(t)
		}
		if got := f.versions(t, arn); got != step.want {
			t.Errorf("%s %s: %s, want %s", step.action, step.version, got, step.want)
		}
	}
	for id, document := range map[string]string{"v2": managedDocument("two"), "v5": managedDocument("more")} {
		if got := f.IAM(t, "GetPolicyVersion", create("VersionId", id)...).Must(t).Element("Document"); got != encoded(document) {
			t.Errorf("%s is %s", id, got)
		}
	}
	if got := f.IAM(t, "GetPolicy", "PolicyArn", arn).Must(t).Element("DefaultVersionId"); got != "v2" {
		t.Errorf("the default version is %s", got)
	}

	for _, action := range []string{"GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"} {
		f.refuses(t, action, []row{
			{"one that is gone", create("VersionId", "v1"), noVersion(arn, "v1")},
			{"one that is to be", create("VersionId", "v6"), noVersion(arn, "v6")},
			{"a number that is too great", create("VersionId", "v99999999999999999999"), noVersion(arn, "v99999999999999999999")},
			{"a suffix, which the form allows", create("VersionId", "v2.a"), noVersion(arn, "v2.a")},
			{"no version", []string{"PolicyArn", arn}, missing("versionId")},
			{"a zero", create("VersionId", "v02"), constraint("v02", "versionId", `Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`)},
		})
	}
	conflict("Cannot delete the default version of a policy.").check(t, f.IAM(t, "DeletePolicyVersion", create("VersionId", "v2")...))
	f.refuses(t, "CreatePolicyVersion", []row{
		{"a trust policy", create("PolicyDocument", trust), malformed("Statement[0]: Policy document should not specify a principal.")},
		{"no version of the language", create("PolicyDocument", strings.Replace(allow, `"Version":"2012-10-17",`, "", 1)), malformed("Policy document must be version 2012-10-17 or greater.")},
		{"too long", create("PolicyDocument", strings.Replace(allow, "s3:", "s3:"+strings.Repeat("x", 6144), 1)), exceeded("Cannot exceed quota for PolicySize: 6144")},
		{"no document", create(), missing("policyDocument")},
	})
}

func TestPolicyVersionLimit(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	create := func() []string { return []string{"PolicyArn", arn, "PolicyDocument", allow, "SetAsDefault", "true"} }
	for range iam.MaxPolicyVersions - 1 {
		f.IAM(t, "CreatePolicyVersion", create()...).Must(t)
	}
	exceeded("A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.").check(t, f.IAM(t, "CreatePolicyVersion", create()...))
	f.IAM(t, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v3").Must(t)
	f.IAM(t, "CreatePolicyVersion", create()...).Must(t)
	if got, want := f.versions(t, arn), "v6* v5 v4 v2 v1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// By page, the newest first.
	var got []string
	params := []string{"PolicyArn", arn, "MaxItems", "2"}
	for marker := "first"; marker != ""; {
		r := f.IAM(t, "ListPolicyVersions", params...).Must(t)
		for _, m := range regexp.MustCompile(`<VersionId>(v\d+)`).FindAllStringSubmatch(string(r.Body), -1) {
			got = append(got, m[1])
		}
		marker = r.Element("Marker")
		params = []string{"PolicyArn", arn, "MaxItems", "2", "Marker", marker}
	}
	if want := []string{"v6", "v5", "v4", "v2", "v1"}; !slices.Equal(got, want) {
		t.Errorf("by page %v, want %v", got, want)
	}
}

// Of versions that are made at once, each has a number of its own, and no more than five are there.
func TestPolicyVersionsAtOnce(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	codes := atOnce(8, func(i int) string {
		return f.IAM(t, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", managedDocument(fmt.Sprint("n", i))).Code()
	})
	if n := count(codes, ""); n != iam.MaxPolicyVersions-1 || count(codes, "LimitExceeded") != 8-n {
		t.Errorf("%q", codes)
	}
	if got, want := f.versions(t, arn), "v5 v4 v3 v2 v1*"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
