CHECK TABLE $table PART '$part' SETTINGS check_query_single_value_result = 0
