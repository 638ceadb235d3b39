(SELECT $columns FROM given WHERE workspace = {workspace:Int64} AND question = $question)
