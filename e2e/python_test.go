package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// pythons is where Pythons are. The first in the path may be somebody's own, without boto3.
var pythons = []string{"python3", "/usr/bin/python3"}

var pythonFound string // held by installing

// python finds a Python that has boto3, or installs Debian's.
func python(t testing.TB) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	for attempt := range 2 {
		if attempt > 0 {
			aptGet(t, "boto3", "python3-boto3")
		}
		for _, program := range pythons {
			if pythonFound == "" && exec.Command(program, "-c", "import boto3").Run() == nil {
				pythonFound = program
			}
		}
		if pythonFound != "" {
			return pythonFound
		}
	}
	t.Fatal("package python3-boto3 is installed, and yet no python3 has boto3")
	return ""
}

// boto3 runs parts/python/pools.py as the node's root.
func (n *node) boto3(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command(python(t), append([]string{"parts/python/pools.py", n.url}, args...)...)
	cmd.Env = environ(
		"AWS_ACCESS_KEY_ID="+n.root.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+n.root.SecretAccessKey, "AWS_DEFAULT_REGION="+region,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	)
	return run(t, cmd)
}

// TestPagesInPython reads the pools by pages with the paginator that boto3 has for them.
func TestPagesInPython(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	var made, seen []string
	for i := range 5 {
		made = append(made, fmt.Sprintf("pool %d", i))
		createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String(made[i])})
	}
	var pages [][]string
	if err := json.Unmarshal([]byte(n.boto3(t, "pages", "2")), &pages); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, page := range pages {
		sizes = append(sizes, len(page))
		seen = append(seen, page...)
	}
	if !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("the pages have %v pools, not 2, 2 and 1", sizes)
	}
	if slices.Sort(seen); !slices.Equal(seen, made) {
		t.Errorf("seen are %q, not %q", seen, made)
	}
}

// TestURLsInPython has boto3 make URLs, and uses them without the keys. botocore moves the members of such a call into the
// URL, leaves the body empty, and signs the headers that say what the call is.
func TestURLsInPython(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	mine, other := setUpForGuests(t, n), setUpForGuests(t, n)
	list := n.boto3(t, "url", "list_identity_pools", "600", `{"MaxResults": 1}`)
	describe := n.boto3(t, "url", "describe_identity_pool", "600", `{"IdentityPoolId": "`+mine+`"}`)
	for _, c := range []struct {
		name, url, operation string
		want                 string // in the reply
	}{
		{"list", list, "ListIdentityPools", `"IdentityPools":[{`},
		{"describe", describe, "DescribeIdentityPool", `"IdentityPoolId":"` + mine + `"`},
		{"more than it was made for", swap(t, list, "MaxResults=1", "MaxResults=2"), "ListIdentityPools", "InvalidSignatureException"},
		{"another pool", swap(t, describe, mine[len(region)+1:], other[len(region)+1:]), "DescribeIdentityPool", "InvalidSignatureException"},
		{"another operation", describe, "DeleteIdentityPool", "InvalidSignatureException"},
		{"longer", swap(t, list, "X-Amz-Expires=600", "X-Amz-Expires=700"), "ListIdentityPools", "InvalidSignatureException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := follow(t, c.url, c.operation)
			good := status == http.StatusOK
			if !strings.Contains(body, c.want) || good != strings.HasPrefix(c.want, `"`) {
				t.Errorf("status %d, and not %s in %s", status, c.want, body)
			}
		})
	}
	if _, body := follow(t, list, "ListIdentityPools"); strings.Count(body, `"IdentityPoolId"`) != 1 {
		t.Errorf("one pool was asked for, and the answer is %s", body)
	}
	if len(listPools(t, n)) != 2 {
		t.Error("a pool is gone")
	}

	short := n.boto3(t, "url", "list_identity_pools", "1", `{"MaxResults": 1}`)
	n.await(t, "it refuses a URL that was good for a second", func() bool {
		_, body := follow(t, short, "ListIdentityPools")
		return strings.Contains(body, `"InvalidSignatureException"`) && strings.Contains(body, "expired")
	})
}

// swap changes a text that stands in a URL once.
func swap(t testing.TB, url, old, replacement string) string {
	t.Helper()
	if strings.Count(url, old) != 1 {
		t.Fatalf("%s does not stand once in %s", old, url)
	}
	return strings.Replace(url, old, replacement, 1)
}

// follow posts to a presigned URL, with the headers that it was signed with.
func follow(t testing.TB, url, operation string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}
