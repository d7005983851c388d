<?php
// Who can sign in, and what is said of them: alice has one role, bob has two. Of the account and the provider the test knows.
$role = fn(string $name) => "arn:aws:iam::000000000000:role/$name,arn:aws:iam::000000000000:saml-provider/simplesamlphp";
$person = fn(string $name, string $department, array $groups, array $roles) => [
    'uid' => [$name],
    'mail' => ["$name@example.com"],
    'groups' => $groups,
    'https://aws.amazon.com/SAML/Attributes/RoleSessionName' => [$name],
    'https://aws.amazon.com/SAML/Attributes/Role' => array_map($role, $roles),
    'https://aws.amazon.com/SAML/Attributes/PrincipalTag:Department' => [$department],
];
$config = [
    'people' => [
        'exampleauth:UserPass',
        'alice:verysecure' => $person('alice', 'Research', ['staff', 'editors'], ['Editor']),
        'bob:verysecure' => $person('bob', 'Sales', ['staff'], ['Auditor', 'Seller']),
    ],
];
