"""Source `rpm`: trees of signed packages of RPM repositories, unpacked without rpm or the scripts of packages."""
