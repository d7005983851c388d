package cognito_test

import (
	"testing"

	"idpool/pooltest"
	"idpool/wire"
)

// BenchmarkDescribeIdentityPool is a signed call as the root and as a user with a policy, from client to client.
func BenchmarkDescribeIdentityPool(b *testing.B) {
	node := pooltest.Start(b)
	pool := node.Pool(b, pooltest.NewProvider(b))
	user := node.User(b, "U", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:Describe*","Resource":"`+resourceOf("", pool)+`"}]}`)
	for name, key := range map[string]wire.Key{"root": node.Root, "user": user} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				node.SignedAs(b, key, pooltest.Region, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(b)
			}
		})
	}
}
