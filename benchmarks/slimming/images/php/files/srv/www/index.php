<?php
header('Content-Type: text/plain; charset=utf-8');
echo "hello from PHP ", PHP_MAJOR_VERSION, " ", php_sapi_name(), "\n";
echo mb_strtoupper("grüße"), " ", mb_strlen("grüße"), "\n";
