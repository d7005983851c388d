<?php
// SimpleSAMLphp as an identity provider for a test: nothing of /etc/simplesamlphp is read, and everything is written below
// SAML_STATE, where the test puts the key. It has no base URL of its own: it is where it was asked.
$state = getenv('SAML_STATE') . '/';
$config = [
    'baseurlpath' => '',
    'certdir' => $state,
    'loggingdir' => $state,
    'logging.handler' => 'errorlog',
    'logging.level' => SimpleSAML\Logger::WARNING,
    'datadir' => $state,
    'tempdir' => $state,
    'metadatadir' => __DIR__ . '/metadata/',
    'metadata.sources' => [['type' => 'flatfile']],
    'secretsalt' => 'of a test',
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'technicalcontact_name' => 'Nobody',
    'technicalcontact_email' => 'nobody@example.com',
    'timezone' => 'UTC',
    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => $state,
    'session.cookie.secure' => false,
    'language.available' => ['en'],
];
