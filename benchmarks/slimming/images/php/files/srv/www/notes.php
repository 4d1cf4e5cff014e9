<?php
header('Content-Type: application/json');
$base = new PDO('sqlite::memory:');
$base->exec('create table notes (text varchar)');
$statement = $base->prepare('insert into notes values (?)');
foreach (['first', 'second'] as $text) {
    $statement->execute([$text]);
}
echo json_encode($base->query('select text from notes')->fetchAll(PDO::FETCH_COLUMN));
