CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE goods (id int PRIMARY KEY, name varchar(50), price decimal(8, 2)) ENGINE = InnoDB;
INSERT INTO goods VALUES (1, 'tea', 2.50), (2, 'a "large", cup', NULL), (3, '', 0.10);
CREATE TABLE log (line text) ENGINE = InnoDB;
-- Engines that no ROLLBACK reaches.
CREATE TABLE log_myisam (line text) ENGINE = MyISAM;
CREATE TABLE log_memory (line varchar(20)) ENGINE = MEMORY;
DELIMITER //
CREATE FUNCTION write_log() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO log VALUES ('written'); RETURN 1; END//
CREATE FUNCTION write_myisam() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO log_myisam VALUES ('written'); RETURN 1; END//
CREATE FUNCTION write_memory() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO log_memory VALUES ('written'); RETURN 1; END//
CREATE FUNCTION write_as_caller() RETURNS int MODIFIES SQL DATA SQL SECURITY INVOKER BEGIN INSERT INTO log VALUES ('written'); RETURN 1; END//
CREATE FUNCTION write_anyhow() RETURNS int MODIFIES SQL DATA BEGIN SET SESSION transaction_read_only = 0; INSERT INTO log VALUES ('written'); RETURN 1; END//
CREATE FUNCTION write_temporary() RETURNS int MODIFIES SQL DATA BEGIN CREATE TEMPORARY TABLE evil (a int); RETURN 1; END//
CREATE FUNCTION loosen() RETURNS int BEGIN
  SET SESSION transaction_read_only = 0;
  SET SESSION max_execution_time = 0;
  SET SESSION time_zone = '+07:00';
  SET SESSION wait_timeout = 4711;
  SET SESSION lock_wait_timeout = 4711;
  SET @evil = 1;
  RETURN 1;
END//
CREATE FUNCTION lock_it() RETURNS int RETURN GET_LOCK('evil', 0)//
CREATE PROCEDURE write_by_call() BEGIN INSERT INTO log VALUES ('written'); END//
DELIMITER ;
-- One column of each type in Perses' table (contract/perses.md 2.6) and of those that break readers.
CREATE TABLE types (
  ti tinyint, tu tinyint unsigned, si smallint, mi mediumint, mu mediumint unsigned, i int, iu int unsigned, bi bigint, bu bigint unsigned,
  y year, f float, d double, de decimal(5, 3), big decimal(65, 0), da date, dt datetime, dt6 datetime(6), ts timestamp NULL,
  ts3 timestamp(3) NULL, t time, t2 time(2), zero date, c char(3), v varchar(20), tt tinytext, tx text, mt mediumtext, lt longtext,
  e enum('fine', 'so-so'), s set('a', 'b'), j json, bin binary(3), vb varbinary(5), tb tinyblob, b blob, mb mediumblob, lb longblob,
  bit4 bit(4), z int(4) zerofill, p point, n int
);
SET sql_mode = '', time_zone = '+00:00';
INSERT INTO types VALUES (
  -1, 255, -2, -3, 4, -5, 6, 9007199254740993, 18446744073709551615, 2024, 1.1, 1e300, 1.5,
  12345678901234567890123456789012345678901234567890, '2024-01-02', '2024-01-02 03:04:05', '2024-01-02 03:04:05.123456',
  '2024-01-02 03:04:05', '2024-01-02 03:04:05.5', '-838:59:59', '03:04:05.5', '0000-00-00', 'y', 'it''s é', 'tiny', 'a,b', 'medium',
  'long', 'fine', 'a,b', '{"b": [1, 2]}', 'ab', X'6162ff', 'tb', 'b', 'mb', X'00ff', b'0101', 7, NULL, NULL
);
CREATE VIEW written AS SELECT write_log() AS x;
