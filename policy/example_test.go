package policy_test

import (
	"fmt"

	"idpool/policy"
)

// A user may read the bucket, but the permission boundary leaves out the folder that is asked for.
func ExampleSet_Explain() {
	parse := func(kind policy.Kind, resource string) *policy.Policy {
		p, err := policy.Parse(kind, `{"Version": "2012-10-17", "Statement": {"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "`+resource+`"}}`)
		if err != nil {
			panic(err)
		}
		return p
	}
	set := policy.Set{
		Identity: []policy.Named{{Name: "Reader", Policy: parse(policy.Identity, "arn:aws:s3:::b/*")}},
		Boundary: &policy.Named{Name: "Most", Policy: parse(policy.Boundary, "arn:aws:s3:::b/home/${aws:username}/*")},
	}
	e := set.Explain(&policy.Request{
		Principal: policy.Principal{Type: policy.AWS, Name: "arn:aws:iam::123456789012:user/alice", Account: "123456789012"},
		Action:    "s3:GetObject",
		Resource:  "arn:aws:s3:::b/home/bob/1.jpg",
		Context:   policy.Context{{Key: "aws:username", Values: []string{"alice"}}},
	})
	fmt.Println(e.Reason("s3:GetObject"))
	fmt.Print(e)
	// Output:
	// because no permissions boundary allows the s3:GetObject action
	// NoMatch: no statement of permission boundary "Most" allows s3:GetObject on "arn:aws:s3:::b/home/bob/1.jpg"; statement 0 ("Read") of "Most" would, but for resource wants ["arn:aws:s3:::b/home/${aws:username}/*"], request has "arn:aws:s3:::b/home/bob/1.jpg", where ${aws:username} is "alice"
	// identity policy "Reader": Allow
	//   statement 0 ("Read"), Allow: applies
	//   statement 0 ("Read"): action wants ["s3:Get*"], request has "s3:GetObject": yes
	//   statement 0 ("Read"): resource wants ["arn:aws:s3:::b/*"], request has "arn:aws:s3:::b/home/bob/1.jpg": yes
	// permission boundary "Most": NoMatch
	//   statement 0 ("Read"), Allow: does not apply
	//   statement 0 ("Read"): action wants ["s3:Get*"], request has "s3:GetObject": yes
	//   statement 0 ("Read"): resource wants ["arn:aws:s3:::b/home/${aws:username}/*"], request has "arn:aws:s3:::b/home/bob/1.jpg", where ${aws:username} is "alice": no
}
